/*
** number.c - reading and printing numbers. Has no state.
**
** Reading: exact arithmetic on doubles when digits and power are small (Clinger
** 1990), else one 64 x 128 bit product with a known error (Lemire 2021, after
** Eisel); when the error includes a rounding boundary, big integers decide.
** Printing: Schubfach (Giulietti 2020).
*/
#include "number.h"

#include "pow10.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define HIDDEN_BIT ((uint64_t)1 << 52)
#define INFINITE   ((uint64_t)0x7FF << 52)
#define BIAS       1075 /* of the exponent, with an integer significand */

/* floor(log2(10^q)), for any q of the table */
#define LOG2_POW10(q) ((217706 * (q)) >> 16)

typedef struct Wide {
  uint64_t high, low;
} Wide;

static inline Wide multiply (uint64_t a, uint64_t b) {
  Wide w;
#if defined(__SIZEOF_INT128__)
  __extension__ typedef unsigned __int128 Uint128;
  Uint128 product = (Uint128)a * b;
  w.high = (uint64_t)(product >> 64);
  w.low = (uint64_t)product;
#else
  uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
  uint64_t middle = ah * bl + ((al * bl) >> 32);
  uint64_t other = al * bh + (uint32_t)middle;
  w.high = ah * bh + (middle >> 32) + (other >> 32);
  w.low = a * b;
#endif
  return w;
}

static inline int leading_zeros (uint64_t x) {
#if defined(__GNUC__)
  return __builtin_clzll(x);
#else
  int n = 0;
  for (; (x >> 63) == 0; x <<= 1)
    n++;
  return n;
#endif
}

static inline int trailing_zeros (uint64_t x) {
#if defined(__GNUC__)
  return __builtin_ctzll(x);
#else
  int n = 0;
  for (; (x & 1) == 0; x >>= 1)
    n++;
  return n;
#endif
}

static double from_bits (uint64_t bits) {
  double d;
  memcpy(&d, &bits, sizeof(d));
  return d;
}

static uint64_t to_bits (double d) {
  uint64_t bits;
  memcpy(&bits, &d, sizeof(bits));
  return bits;
}

/*
** Sets *bits to the double nearest to w * 10^q, w > 0, and returns 1; or, when
** 128 bits are not enough to decide, to a double near it, and returns 0.
**
** With w shifted to the top, the true product lies in [P, P + 2) for the
** 128-bit P computed here: the power may be too small by less than one unit,
** and the low half of its product is cut off. So the result is uncertain only
** if the remainder is within 2 of the rounding boundary.
*/
static int product_double (uint64_t w, int q, uint64_t *bits) {
  const uint64_t *power = pow10_table + 2 * (q - POW10_MIN);
  int zeros = leading_zeros(w);
  Wide p, rest;
  uint64_t m, below;
  int shift, exponent, half;
  w <<= zeros;
  p = multiply(w, power[0]);
  rest = multiply(w, power[1]);
  p.low += rest.high;
  p.high += p.low < rest.high;
  shift = 10 + (int)(p.high >> 63); /* leaves 53 bits */
  m = p.high >> shift;
  exponent = LOG2_POW10(q) + 1 - zeros + shift; /* of p.high, of m */
  if (exponent <= -BIAS) { /* subnormal: left to the big integers */
    *bits = to_bits(ldexp((double)m, exponent));
    return 0;
  }
  if (exponent + BIAS >= 0x7FF) {
    *bits = INFINITE;
    return 1;
  }
  *bits = (((uint64_t)(exponent + BIAS)) << 52) + (m - HIDDEN_BIT);
  half = (int)(p.high >> (shift - 1)) & 1;
  below = p.high & (((uint64_t)1 << (shift - 1)) - 1);
  if (half) {
    *bits += 1; /* a carry into the exponent is correct */
    return below != 0 || p.low != 0;
  }
  return below != ((uint64_t)1 << (shift - 1)) - 1 || p.low < UINT64_MAX - 1;
}

/*
** Moves from a double near the literal to the nearest one, by exact comparisons
** with the midpoints to its neighbours.
*/
static uint64_t round_exactly (uint64_t bits, const char *s, const char *end) {
  if (bits >= INFINITE)
    bits = INFINITE - 1;
  for (;;) {
    int e = (int)(bits >> 52);
    uint64_t m = bits & (HIDDEN_BIT - 1);
    int order;
    if (e > 0)
      m |= HIDDEN_BIT;
    else
      e = 1;
    order = json_comparefloat(s, end, 2 * m + 1, e - BIAS - 1);
    if (order > 0 || (order == 0 && (m & 1) != 0)) {
      if (++bits == INFINITE)
        return bits;
      continue;
    }
    if (bits == 0)
      return bits;
    if (m == HIDDEN_BIT && e > 1) /* the lower neighbour is half as far */
      order = json_comparefloat(s, end, 4 * m - 1, e - BIAS - 2);
    else
      order = json_comparefloat(s, end, 2 * m - 1, e - BIAS - 1);
    if (order > 0 || (order == 0 && (m & 1) == 0))
      return bits;
    bits--;
  }
}

double json_nearest (uint64_t digits, int64_t power, int more, const char *s,
                     const char *end) {
  uint64_t bits, above;
  if (digits == 0)
    return 0.0;
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD == 0
  if (!more && digits <= (uint64_t)1 << 53 && power >= -22 && power <= 22) {
    static const double exact[] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (power < 0)
      return (double)digits / exact[-power];
    return (double)digits * exact[power];
  }
#endif
  if (power > 308)
    return HUGE_VAL;
  if (power < POW10_MIN) /* below half of the smallest: digits < 10^19 */
    return 0.0;
  if (product_double(digits, (int)power, &bits)) {
    if (!more)
      return from_bits(bits);
    if (product_double(digits + 1, (int)power, &above) && above == bits)
      return from_bits(bits);
  }
  return from_bits(round_exactly(bits, s, end));
}

double json_parsefloat (const char *s, const char *end) {
  const char *p = s;
  uint64_t digits = 0;
  int64_t power = 0, exponent = 0;
  int count = 0, fraction = 0, more = 0, negative = 0;
  double d;
  if (p < end && *p == '-')
    p++;
  for (; p < end && *p != 'e' && *p != 'E'; p++) {
    if (*p == '.') {
      fraction = 1;
      continue;
    }
    if (count == 19) {
      more |= *p != '0';
      power += !fraction;
      continue;
    }
    digits = digits * 10 + (uint64_t)(*p - '0');
    count += digits != 0;
    power -= fraction;
  }
  if (p < end && ++p < end && (*p == '-' || *p == '+'))
    negative = *p++ == '-';
  for (; p < end; p++)
    if (exponent < INT64_C(100000000000000000)) /* far beyond all doubles */
      exponent = exponent * 10 + (*p - '0');
  d = json_nearest(digits, power + (negative ? -exponent : exponent), more, s,
                   end);
  return s < end && *s == '-' ? -d : d;
}

/*
** Four times cp * 10^k / 2^n, rounded to odd: the lowest bit is also set if
** something was cut off, so that comparisons with it stay exact.
*/
static inline uint64_t round_to_odd (Wide g, uint64_t cp) {
  Wide x = multiply(g.low, cp), y = multiply(g.high, cp);
  y.low += x.high;
  y.high += y.low < x.high;
  return y.high | (y.low > 1);
}

/* The shortest digits that read back as the double, and their power of ten. */
static uint64_t shortest (uint64_t fraction, int e, int *power) {
  uint64_t c = e > 0 ? fraction | HIDDEN_BIT : fraction;
  int q = (e > 0 ? e : 1) - BIAS;
  int narrow = fraction == 0 && e > 1; /* the lower neighbour is nearer */
  uint64_t out = c & 1;                /* 1: the interval is open */
  int k, h, inside, above;
  uint64_t low, mid, high, s, t;
  Wide g;
  if (q <= 0 && q > -53 && (c & (((uint64_t)1 << -q) - 1)) == 0) {
    *power = 0; /* a small integer */
    return c >> -q;
  }
  k = (q * 1262611 - (narrow ? 524031 : 0)) >> 22; /* floor(log10(2^q)) */
  h = q + LOG2_POW10(-k) + 1;
  g.high = pow10_table[2 * (-k - POW10_MIN)];
  g.low = pow10_table[2 * (-k - POW10_MIN) + 1];
  if (-k < 0 || -k > 55) /* the table rounds down; needed: rounded up */
    g.low++;             /* never all ones, says pow10.lua */
  low = round_to_odd(g, (4 * c - 2 + (uint64_t)narrow) << h) + out;
  mid = round_to_odd(g, (4 * c) << h);
  high = round_to_odd(g, (4 * c + 2) << h) - out;
  s = mid / 4;
  if (s >= 10) { /* is one digit less enough? */
    t = s / 10;
    inside = low <= 40 * t;
    above = 40 * t + 40 <= high;
    if (inside != above) {
      *power = k + 1;
      return t + (uint64_t)above;
    }
  }
  *power = k;
  inside = low <= 4 * s;
  above = 4 * s + 4 <= high;
  if (inside != above)
    return s + (uint64_t)above;
  return s + (mid > 4 * s + 2 || (mid == 4 * s + 2 && (s & 1) != 0));
}

/*
** The eight digits of n < 10^8, a byte each, the first one lowest: halves,
** quarters and eighths of them are divided at the same time, in parts of one
** word.
*/
static inline uint64_t eight_digits (uint32_t n) {
  uint64_t x = n / 10000 | (uint64_t)(n % 10000) << 32, y;
  y = (x * 10486 >> 20) & UINT64_C(0x0000007F0000007F); /* x / 100 */
  x = y | (x - 100 * y) << 16;
  y = (x * 103 >> 10) & UINT64_C(0x000F000F000F000F); /* x / 10 */
  return y | (x - 10 * y) << 8;
}

/* Writes such digits as text; compilers make one instruction of it. */
static inline void put_eight (char *out, uint64_t digits) {
  digits |= UINT64_C(0x3030303030303030);
  out[0] = (char)digits;
  out[1] = (char)(digits >> 8);
  out[2] = (char)(digits >> 16);
  out[3] = (char)(digits >> 24);
  out[4] = (char)(digits >> 32);
  out[5] = (char)(digits >> 40);
  out[6] = (char)(digits >> 48);
  out[7] = (char)(digits >> 56);
}

/* The zeros in front of the other digits, and behind them. */
static inline int zeros_before (uint64_t digits) {
  return trailing_zeros(digits) / 8;
}

static inline int zeros_after (uint64_t digits) {
  return leading_zeros(digits) / 8;
}

/* Writes 8 bytes; the number, below 10^8, is what is before the returned
** position. */
static inline char *print_small (char *out, uint32_t n) {
  uint64_t digits = eight_digits(n);
  int zeros = zeros_before(digits | (uint64_t)1 << 56); /* the last one stays */
  put_eight(out, digits >> 8 * zeros);
  return out + 8 - zeros;
}

/* The same for any number. */
static char *print_unsigned (char *out, uint64_t n) {
  if (n < 100000000)
    return print_small(out, (uint32_t)n);
  out = print_unsigned(out, n / 100000000);
  put_eight(out, eight_digits((uint32_t)(n % 100000000)));
  return out + 8;
}

/* Removes trailing zeros; digits > 0. */
static uint64_t strip_zeros (uint64_t digits, int *power) {
  if (digits % 10 != 0)
    return digits;
  while (digits % 100000000 == 0) {
    digits /= 100000000;
    *power += 8;
  }
  if (digits % 10000 == 0) {
    digits /= 10000;
    *power += 4;
  }
  if (digits % 100 == 0) {
    digits /= 100;
    *power += 2;
  }
  if (digits % 10 == 0) {
    digits /= 10;
    *power += 1;
  }
  return digits;
}

static const char pairs[] =
    "00010203040506070809101112131415161718192021222324"
    "25262728293031323334353637383940414243444546474849"
    "50515253545556575859606162636465666768697071727374"
    "75767778798081828384858687888990919293949596979899";

/* Writes n so that it ends at `end`; returns its start. */
static char *print_before (char *end, uint64_t n) {
  for (; n >= 100000000; n /= 100000000) {
    end -= 8;
    put_eight(end, eight_digits((uint32_t)(n % 100000000)));
  }
  while (n >= 100) {
    end -= 2;
    memcpy(end, pairs + 2 * (n % 100), 2);
    n /= 100;
  }
  if (n >= 10) {
    end -= 2;
    memcpy(end, pairs + 2 * n, 2);
  } else {
    *--end = (char)('0' + n);
  }
  return end;
}

size_t json_printinteger (char *out, int64_t n) {
  char *p = out;
  uint64_t magnitude = (uint64_t)n;
  if (n < 0) {
    *p++ = '-';
    magnitude = 0 - magnitude;
  }
  return (size_t)(print_unsigned(p, magnitude) - out);
}

#define DIGITS 17 /* the most digits of a double */

/*
** Writes digits and power of ten as text: plain from 1e-5 up to 1e16, else with
** an exponent. The digits are followed by zeros, 2 * DIGITS bytes in all, since
** copying a fixed number of bytes is faster than copying the exact number.
*/
static char *layout (char *p, const char *digits, int n, int power) {
  int point = n + power; /* digits in front of the decimal point */
  if (point > 16 || point < -4) {
    p[0] = digits[0];
    p[1] = '.';
    memcpy(p + 2, digits + 1, DIGITS);
    p += n > 1 ? n + 1 : 1;
    *p++ = 'e';
    if (point < 1)
      *p++ = '-';
    return print_unsigned(p, (uint64_t)(point < 1 ? 1 - point : point - 1));
  }
  if (point <= 0) {
    memcpy(p, "0.0000", 6);
    memcpy(p + 2 - point, digits, DIGITS);
    return p + 2 - point + n;
  }
  memcpy(p, digits, DIGITS);
  p[point] = '.';
  memcpy(p + point + 1, digits + point, DIGITS);
  return p + (power < 0 ? n + 1 : point + 2);
}

/*
** Prints what has at most six digits after the point and eight in front of it,
** as most numbers have. Returns the end, or NULL for others. Two decimals of at
** most 15 digits never read as the same double: one that reads as d is the
** shortest.
*/
static inline char *print_decimal (char *p, double d) {
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD == 0
  int64_t millionths;
  uint32_t fraction;
  uint64_t digits;
  if (!(d >= 1e-5 && d < 1e8))
    return NULL;
  millionths = (int64_t)(d * 1e6 + 0.5);
  if ((double)millionths / 1e6 != d)
    return NULL;
  fraction = (uint32_t)(millionths % 1000000);
  digits = eight_digits(100 * fraction);
  p = print_small(p, (uint32_t)(millionths / 1000000));
  *p++ = '.';
  put_eight(p, digits);
  return p + 8 - zeros_after(digits | 1); /* one zero stays */
#else
  (void)p, (void)d;
  return NULL;
#endif
}

size_t json_printfloat (char *out, double d) {
  uint64_t bits = to_bits(d), digits;
  char text[20 + 2 * DIGITS], *first, *p = out, *end;
  int power;
  if (bits >> 63 != 0)
    *p++ = '-';
  bits &= ~((uint64_t)1 << 63);
  if (bits == 0) {
    memcpy(p, "0.0", 3);
    return (size_t)(p + 3 - out);
  }
  if ((end = print_decimal(p, from_bits(bits))) == NULL) {
    digits = shortest(bits & (HIDDEN_BIT - 1), (int)(bits >> 52), &power);
    digits = strip_zeros(digits, &power);
    memset(text + 20, '0', 2 * DIGITS);
    first = print_before(text + 20, digits);
    end = layout(p, first, (int)(text + 20 - first), power);
  }
  return (size_t)(end - out);
}
