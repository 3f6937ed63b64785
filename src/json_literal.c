/*
** json_literal.c - number literals of JSON text.
*/
#include "json_number.h"
#include "json_reader.h"

#define isdigit(c) ((unsigned char)((c) - '0') < 10)

/* A lua_Integer without 64 bits may be narrower than a double's digits. */
#if HAVE_LUA_INTEGER
#define push_small(L, n) lua_pushinteger((L), (lua_Integer)(n))
#else
#define push_small(L, n) lua_pushnumber((L), (lua_Number)(n))
#endif

/* The rest of a literal, from its point or exponent on. */
static const char *read_float (Reader *r, const char *s, const char *p,
                               uint64_t digits) {
  const char *end = r->end, *first = s + (*s == '-'), *mark;
  int64_t power = 0, exponent = 0;
  long count = (long)(p - first);
  double d;
  if (*p == '.') {
    mark = ++p;
    for (; p < end && isdigit(*p); p++)
      digits = digits * 10 + (uint64_t)(*p - '0');
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

/* An integer that needs more than 18 digits, or a zero with a sign. */
static void push_integer (Reader *r, const char *s, size_t len,
                          uint64_t magnitude) {
  int negative = *s == '-';
  size_t count = len - (size_t)negative;
  if (magnitude == 0 && count == 1) {
    lua_pushnumber(r->L, negative ? -0.0 : 0.0);
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
  const char *p = s, *end = r->end, *first;
  uint64_t digits = 0;
  p += *s == '-';
  first = p;
  if (p == end || !isdigit(*p))
    return json_fail(r, p, p == s ? "expected a value" : "expected a digit");
  if (*p == '0' && p + 1 < end && isdigit(p[1]))
    return json_fail(r, p, "leading zero in a number");
  for (; p < end && isdigit(*p); p++)
    digits = digits * 10 + (uint64_t)(*p - '0');
  if (p < end && (*p == '.' || *p == 'e' || *p == 'E'))
    return read_float(r, s, p, digits);
  if (p - first > 15 || (digits == 0 && first != s))
    push_integer(r, s, (size_t)(p - s), digits);
  else
    push_small(r->L, first != s ? -(int64_t)digits : (int64_t)digits);
  return p;
}
