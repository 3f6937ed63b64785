/*
** number_object.c - number objects, for numbers that Lua cannot represent: an
** immutable userdata with the text of the literal. It can be printed, compared,
** and converted to the nearest Lua number.
*/
#include "number.h"
#include "types.h"

#include <string.h>

void json_pushnumbertext (lua_State *L, const char *s, size_t len) {
  Literal *n = lua_newuserdata(L, sizeof(Literal) + len);
  n->len = len;
  memcpy(n->text, s, len);
  luaL_getmetatable(L, JSON_NUMBER);
  lua_setmetatable(L, -2);
}

static const Literal *checknumber (lua_State *L, int arg) {
  return luaL_checkudata(L, arg, JSON_NUMBER);
}

/* number:tonumber() -> the nearest Lua number */
static int number_tonumber (lua_State *L) {
  const Literal *n = checknumber(L, 1);
  lua_pushnumber(L, json_parsefloat(n->text, n->text + n->len));
  return 1;
}

static int number_tostring (lua_State *L) {
  const Literal *n = checknumber(L, 1);
  lua_pushlstring(L, n->text, n->len);
  return 1;
}

/* A literal as 0.DDD * 10^point, without leading zeros in the digits. It is not
** zero, which Lua can represent. */
typedef struct Decimal {
  const char *s, *end; /* the digits not read yet */
  int64_t point;
  int negative;
} Decimal;

static Decimal read_decimal (const Literal *n) {
  const char *p = n->text, *end = p + n->len;
  int64_t exponent = 0;
  int negative = 0, fraction = 0, leading = 1;
  Decimal d;
  memset(&d, 0, sizeof(d));
  d.negative = *p == '-';
  d.s = p += d.negative;
  for (; p < end && *p != 'e' && *p != 'E'; p++) {
    if (*p == '.') {
      fraction = 1;
      continue;
    }
    if (leading && *p != '0') {
      leading = 0;
      d.s = p;
    }
    if (!fraction && !leading)
      d.point++;
    else if (fraction && leading)
      d.point--;
  }
  d.end = p;
  if (p < end && ++p < end && (*p == '-' || *p == '+'))
    negative = *p++ == '-';
  for (; p < end; p++)
    if (exponent < INT64_C(100000000000000000)) /* so that it cannot overflow */
      exponent = exponent * 10 + (*p - '0');
  d.point += negative ? -exponent : exponent;
  return d;
}

static int next_digit (Decimal *d) {
  if (d->s < d->end && *d->s == '.')
    d->s++;
  return d->s < d->end ? *d->s++ : '0';
}

/* Compares by value: -1, 0, 1. */
static int compare (const Literal *a, const Literal *b) {
  Decimal x = read_decimal(a), y = read_decimal(b);
  int order = 0;
  if (x.negative != y.negative)
    return x.negative ? -1 : 1;
  if (x.point != y.point)
    order = x.point < y.point ? -1 : 1;
  while (order == 0 && (x.s < x.end || y.s < y.end))
    order = next_digit(&x) - next_digit(&y);
  order = (order > 0) - (order < 0);
  return x.negative ? -order : order;
}

/* Lua 5.3 and later also call it with a userdata of another class, which is
** not equal. */
static int number_eq (lua_State *L) {
  const Literal *a = luaL_testudata(L, 1, JSON_NUMBER);
  const Literal *b = luaL_testudata(L, 2, JSON_NUMBER);
  lua_pushboolean(L, a != NULL && b != NULL && compare(a, b) == 0);
  return 1;
}

static int number_lt (lua_State *L) {
  lua_pushboolean(L, compare(checknumber(L, 1), checknumber(L, 2)) < 0);
  return 1;
}

static int number_le (lua_State *L) {
  lua_pushboolean(L, compare(checknumber(L, 1), checknumber(L, 2)) <= 0);
  return 1;
}

static const luaL_Reg metamethods[] = {{"__tostring", number_tostring},
                                       {"__eq", number_eq},
                                       {"__lt", number_lt},
                                       {"__le", number_le},
                                       {NULL, NULL}};

static const luaL_Reg methods[] = {{"tonumber", number_tonumber}, {NULL, NULL}};

void json_open_numbers (lua_State *L) {
  json_new_class(L, JSON_NUMBER, metamethods, methods);
}
