/*
** number_read.c - turns a number literal into a Lua value: an integer, a float,
** or a number object when neither can represent it.
*/
#include "number.h"
#include "reader.h"

#define isdigit(c) ((unsigned char)((c) - '0') < 10)

/* A lua_Integer that has not 64 bits may have fewer than a double's 53. */
#if HAVE_LUA_INTEGER
#define push_small(L, n) lua_pushinteger((L), (lua_Integer)(n))
#else
#define push_small(L, n) lua_pushnumber((L), (lua_Number)(n))
#endif

/*
** Reads the digits at p and appends them to *digits, which overflows with more
** than 19. Returns the position after them.
**
** Eight at a time, and as fast for fewer: the digits before the first other
** byte are shifted to the top, which puts zeros before them.
*/
static inline const char *read_digits (const char *p, const char *end,
                                       uint64_t *digits) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  static const uint64_t scale[] = {1,      10,      100,      1000,     10000,
                                   100000, 1000000, 10000000, 100000000};
  const uint64_t ones = UINT64_C(0x0101010101010101);
  const uint64_t two = UINT64_C(0x000000FF000000FF);
  uint64_t x, others;
  unsigned n = 8;
  while (n == 8 && end - p >= 8) {
    memcpy(&x, p, 8);
    x ^= ones * '0';
    others = ((x + ones * (0x80 - 10)) | x) & (ones * 0x80);
    if (others != 0) {
      n = (unsigned)__builtin_ctzll(others) / 8;
      if (n == 0)
        return p;
      x <<= 64 - 8 * n;
    }
    x = x * 10 + (x >> 8); /* combine to pairs, then to all four pairs */
    x = (x & two) * (100 + (UINT64_C(1000000) << 32)) +
        ((x >> 16) & two) * (1 + (UINT64_C(10000) << 32));
    *digits = *digits * scale[n] + (x >> 32);
    p += n;
  }
  if (n < 8)
    return p;
#endif
  for (; p < end && isdigit(*p); p++)
    *digits = *digits * 10 + (uint64_t)(*p - '0');
  return p;
}

/* Reads the rest of a literal, from its point or exponent on. */
static const char *read_float (Reader *r, const char *s, const char *p,
                               uint64_t digits) {
  const char *end = r->end, *first = s + (*s == '-'), *mark;
  int64_t power = 0, exponent = 0;
  long count = (long)(p - first);
  double d;
  if (*p == '.') {
    mark = ++p;
    p = read_digits(p, end, &digits);
    if (p == mark)
      return json_fail(r, p, "expected a digit after the decimal point");
    power = -(int64_t)(p - mark);
    count += (long)(p - mark);
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    int negative = 0;
    p++;
    if (p < end && (*p == '-' || *p == '+'))
      negative = *p++ == '-';
    for (mark = p; p < end && isdigit(*p); p++)
      if (exponent < 100000)
        exponent = exponent * 10 + (*p - '0');
    if (p == mark)
      return json_fail(r, p, "expected a digit in the exponent");
    power += negative ? -exponent : exponent;
  }
  if (count > 19 || exponent >= 100000) {
    d = json_parsefloat(s, p);
  } else {
    d = json_nearest(digits, power, 0, s, p);
    if (*s == '-')
      d = -d;
  }
  if (d - d != 0) /* infinite */
    json_pushnumbertext(r->L, s, (size_t)(p - s));
  else
    lua_pushnumber(r->L, d);
  return p;
}

/* Pushes an integer of more than 15 digits, or a zero with a sign. */
static void push_integer (Reader *r, const char *s, size_t len,
                          uint64_t magnitude) {
  int negative = *s == '-';
  size_t count = len - (size_t)negative;
  if (magnitude == 0 && count == 1) {
    lua_pushnumber(r->L, -0.0);
    return;
  }
#if HAVE_LUA_INTEGER
  if (count <= 19 && magnitude <= (uint64_t)INT64_MAX + (uint64_t)negative) {
    magnitude = negative ? 0 - magnitude : magnitude;
    lua_pushinteger(r->L, (lua_Integer)magnitude);
    return;
  }
#else
  if (count <= 19 && magnitude <= (uint64_t)1 << 53) {
    lua_pushnumber(r->L, negative ? -(double)magnitude : (double)magnitude);
    return;
  }
#endif
  json_pushnumbertext(r->L, s, len);
}

const char *json_readnumber (Reader *r, const char *s) {
  const char *p, *end = r->end, *first;
  uint64_t digits = 0;
  first = s + (*s == '-');
  p = read_digits(first, end, &digits);
  if (p == first)
    return json_fail(r, p, p == s ? "expected a value" : "expected a digit");
  if (*first == '0' && p - first > 1)
    return json_fail(r, first, "leading zero in a number");
  if (p < end && (*p == '.' || *p == 'e' || *p == 'E'))
    return read_float(r, s, p, digits);
  if (p - first > 15 || (digits == 0 && first != s))
    push_integer(r, s, (size_t)(p - s), digits);
  else
    push_small(r->L, first != s ? -(int64_t)digits : (int64_t)digits);
  return p;
}
