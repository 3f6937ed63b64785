/*
** bignum.c - the slow path of reading a float: compares a literal with a
** binary number exactly. Needed for about one literal in a billion, and for
** literals constructed to need it. The numbers are on the C stack.
*/
#include "number.h"

#include <string.h>

/*
** A double, and a point halfway between two, has at most 768 significant
** decimal digits: of the digits after that, only whether all are zero matters.
*/
#define MAX_DIGITS 780

/*
** The largest number: 780 digits (2,592 bits) shifted by the 1,075 bits of the
** smallest double, or its 54 bits times 10^1130 (3,754 bits).
*/
#define MAX_LIMBS 160

typedef struct Big {
  int n; /* limbs in use, the highest is not zero; 0: the number is 0 */
  uint32_t limb[MAX_LIMBS]; /* lowest first */
} Big;

static void big_muladd (Big *b, uint32_t factor, uint32_t carry) {
  uint64_t sum = carry;
  int i;
  for (i = 0; i < b->n; i++) {
    sum += (uint64_t)b->limb[i] * factor;
    b->limb[i] = (uint32_t)sum;
    sum >>= 32;
  }
  if (sum != 0)
    b->limb[b->n++] = (uint32_t)sum;
}

static void big_mulpow10 (Big *b, int power) {
  for (; power >= 9; power -= 9)
    big_muladd(b, 1000000000u, 0);
  for (; power > 0; power--)
    big_muladd(b, 10, 0);
}

static void big_shift (Big *b, int bits) {
  int limbs = bits / 32;
  big_muladd(b, (uint32_t)1 << (bits % 32), 0);
  memmove(b->limb + limbs, b->limb, (size_t)b->n * sizeof(b->limb[0]));
  memset(b->limb, 0, (size_t)limbs * sizeof(b->limb[0]));
  b->n += limbs;
}

static int big_compare (const Big *a, const Big *b) {
  int i;
  if (a->n != b->n)
    return a->n < b->n ? -1 : 1;
  for (i = a->n - 1; i >= 0; i--)
    if (a->limb[i] != b->limb[i])
      return a->limb[i] < b->limb[i] ? -1 : 1;
  return 0;
}

/*
** Reads the digits of a literal, and returns the power of ten of the last one.
** An exponent far beyond all doubles is not read to its end, so that it cannot
** overflow.
*/
static int64_t read_literal (Big *b, const char *s, const char *end) {
  int64_t power = 0, exponent = 0;
  int count = 0, fraction = 0, more = 0, negative = 0;
  b->n = 0;
  if (s < end && *s == '-')
    s++;
  for (; s < end && *s != 'e' && *s != 'E'; s++) {
    if (*s == '.') {
      fraction = 1;
      continue;
    }
    if (count == MAX_DIGITS) {
      more |= *s != '0';
      power += !fraction;
      continue;
    }
    if (count > 0 || *s != '0')
      count++;
    big_muladd(b, 10, (uint32_t)(*s - '0'));
    power -= fraction;
  }
  if (more) { /* one digit represents all that were left out */
    big_muladd(b, 10, 1);
    power--;
  }
  if (s < end && ++s < end && (*s == '-' || *s == '+'))
    negative = *s++ == '-';
  for (; s < end; s++)
    if (exponent < INT64_C(100000000000000000))
      exponent = exponent * 10 + (*s - '0');
  return power + (negative ? -exponent : exponent);
}

int json_comparefloat (const char *s, const char *end, uint64_t digits,
                       int exponent) {
  Big a, b;
  int64_t power = read_literal(&a, s, end);
  b.limb[0] = (uint32_t)digits;
  b.limb[1] = (uint32_t)(digits >> 32);
  b.n = b.limb[1] != 0 ? 2 : 1;
  if (power > 400) /* beyond all doubles */
    return 1;
  if (power < -1200)
    return -1;
  if (power >= 0)
    big_mulpow10(&a, (int)power);
  else
    big_mulpow10(&b, (int)-power);
  if (exponent >= 0)
    big_shift(&b, exponent);
  else
    big_shift(&a, -exponent);
  return big_compare(&a, &b);
}
