/*
** json.c - the JSON functions that Lua sees: decode, encode, decoders, marks
** for tables, and the object for numbers that Lua cannot hold.
*/
#include "json.h"

#include "number.h"
#include "types.h"

#include <math.h>
#include <string.h>

/*
** {======================================================
** Number objects
** =======================================================
*/

void json_pushnumbertext (lua_State *L, const char *s, size_t len) {
  NumberText *n = lua_newuserdata(L, sizeof(NumberText) + len);
  n->len = len;
  memcpy(n->text, s, len);
  luaL_getmetatable(L, JSON_NUMBER);
  lua_setmetatable(L, -2);
}

static const NumberText *checknumber (lua_State *L, int arg) {
  return luaL_checkudata(L, arg, JSON_NUMBER);
}

/* number:tonumber() -> the nearest number of Lua */
static int number_tonumber (lua_State *L) {
  const NumberText *n = checknumber(L, 1);
  lua_pushnumber(L, json_parsefloat(n->text, n->text + n->len));
  return 1;
}

static int number_tostring (lua_State *L) {
  const NumberText *n = checknumber(L, 1);
  lua_pushlstring(L, n->text, n->len);
  return 1;
}

/* A literal as 0.DDD * 10^point, without zeros at either end of the digits. */
typedef struct Decimal {
  const char *s, *end; /* what is left to read of the digits */
  int64_t point;
  int negative, zero;
} Decimal;

static Decimal read_decimal (const NumberText *n) {
  const char *p = n->text, *end = p + n->len;
  int64_t exponent = 0;
  int negative = 0, fraction = 0;
  Decimal d;
  memset(&d, 0, sizeof(d));
  d.negative = *p == '-';
  d.s = p += d.negative;
  d.zero = 1;
  for (; p < end && *p != 'e' && *p != 'E'; p++) {
    if (*p == '.') {
      fraction = 1;
      continue;
    }
    if (d.zero && *p != '0') {
      d.zero = 0;
      d.s = p;
    }
    if (!fraction && !d.zero)
      d.point++;
    else if (fraction && d.zero)
      d.point--;
  }
  d.end = p;
  if (p < end && ++p < end && (*p == '-' || *p == '+'))
    negative = *p++ == '-';
  for (; p < end; p++)
    if (exponent < INT64_C(100000000000000000)) /* it stops growing there */
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
static int compare (const NumberText *a, const NumberText *b) {
  Decimal x = read_decimal(a), y = read_decimal(b);
  int order = 0;
  if (x.zero || y.zero)
    order = y.zero - x.zero;
  if (x.zero && y.zero)
    return 0;
  if (x.zero)
    return y.negative ? 1 : -1;
  if (y.zero || x.negative != y.negative)
    return x.negative ? -1 : 1;
  if (x.point != y.point)
    order = x.point < y.point ? -1 : 1;
  while (order == 0 && (x.s < x.end || y.s < y.end))
    order = next_digit(&x) - next_digit(&y);
  order = (order > 0) - (order < 0);
  return x.negative ? -order : order;
}

static int number_eq (lua_State *L) {
  lua_pushboolean(L, compare(checknumber(L, 1), checknumber(L, 2)) == 0);
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

static const luaL_Reg number_metamethods[] = {{"__tostring", number_tostring},
                                              {"__eq", number_eq},
                                              {"__lt", number_lt},
                                              {"__le", number_le},
                                              {NULL, NULL}};

static const luaL_Reg number_methods[] = {{"tonumber", number_tonumber},
                                          {NULL, NULL}};

/* }====================================================== */

/*
** {======================================================
** Decoding
** =======================================================
*/

static int decode_string (lua_State *L, int decoder, int arg) {
  size_t len;
  const char *s;
  luaL_checktype(L, arg, LUA_TSTRING);
  s = lua_tolstring(L, arg, &len);
  return json_decode(L, decoder, s, len);
}

/* decode(text) -> value | nil, message, position, limit */
static int core_decode (lua_State *L) {
  return decode_string(L, lua_upvalueindex(1), 1);
}

/* decoder:decode(text) -> value | nil, message, position, limit */
static int decoder_decode (lua_State *L) {
  luaL_checkudata(L, 1, JSON_DECODER);
  return decode_string(L, 1, 2);
}

/* Pushes a decoder with the default settings; on top of it, what it holds. */
static Decoder *new_decoder (lua_State *L) {
  Decoder *d = lua_newuserdata(L, sizeof(Decoder));
  d->keep_null = 1;
  d->max_depth = JSON_MAX_DEPTH;
  d->max_seconds = HUGE_VAL;
  lua_createtable(L, HELD_ARRAY, 0);
  lua_pushboolean(L, 0);
  lua_rawseti(L, -2, HELD_CACHE);
  lua_newtable(L);
  lua_rawseti(L, -2, HELD_FREE);
  luaL_getmetatable(L, JSON_ARRAY);
  lua_rawseti(L, -2, HELD_ARRAY);
  lua_pushvalue(L, -1);
  setattached(L, -3);
  luaL_getmetatable(L, JSON_DECODER);
  lua_setmetatable(L, -3);
  return d;
}

/*
** decoder{ keep_null = boolean, free = { names }, max_depth = n,
**          max_seconds = s } -> decoder
** A text that is over a limit is refused with the name of the limit after
** the position. keep_null false leaves out object members that are null, but
** for those with a name in `free` and everything below these. Elements of
** arrays are kept.
*/
static int core_decoder (lua_State *L) {
  Decoder *d;
  int i, n;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  d = new_decoder(L);
  lua_getfield(L, 1, "keep_null");
  if (!lua_isnil(L, -1)) {
    luaL_argcheck(L, lua_isboolean(L, -1), 1, "keep_null is not a boolean");
    d->keep_null = lua_toboolean(L, -1);
  }
  lua_getfield(L, 1, "max_depth");
  if (!lua_isnil(L, -1)) {
    lua_Number depth = lua_tonumber(L, -1);
    luaL_argcheck(L, depth >= 1 && depth <= 1000000, 1,
                  "max_depth is not a number from 1 to 1000000");
    d->max_depth = (int)depth;
  }
  lua_getfield(L, 1, "max_seconds");
  if (!lua_isnil(L, -1)) {
    d->max_seconds = (double)lua_tonumber(L, -1);
    luaL_argcheck(L, d->max_seconds > 0, 1,
                  "max_seconds is not a number above zero");
  }
  lua_rawgeti(L, 3, HELD_FREE);
  lua_getfield(L, 1, "free");
  if (!lua_isnil(L, -1)) {
    luaL_argcheck(L, lua_istable(L, -1), 1, "free is not a list of names");
    n = (int)lua_rawlen(L, -1);
    for (i = 1; i <= n; i++) {
      lua_rawgeti(L, -1, i);
      luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 1,
                    "free is not a list of names");
      lua_pushboolean(L, 1);
      lua_rawset(L, -4);
    }
  }
  lua_settop(L, 2);
  return 1;
}

/* }====================================================== */

/*
** {======================================================
** Encoding
** =======================================================
*/

#define JSON_TEXT "posthog.llm.text"

/* A longer text is freed at once. */
#define MAX_REUSED ((size_t)1 << 20)

/* What encode writes into, and whether it does so now. */
typedef struct Text {
  Buffer bytes;
  int busy;
} Text;

static int text_gc (lua_State *L) {
  Text *t = luaL_checkudata(L, 1, JSON_TEXT);
  buffer_free(&t->bytes);
  return 0;
}

/* Pushes a new one. */
static Text *new_text (lua_State *L) {
  Text *t = lua_newuserdata(L, sizeof(Text));
  memset(t, 0, sizeof(*t));
  luaL_getmetatable(L, JSON_TEXT);
  lua_setmetatable(L, -2);
  return t;
}

/*
** encode(value) -> text | nil, message, path
** The buffer is kept for the next call. A finalizer that encodes finds it busy
** and makes its own, which takes its place; so does the call after an error,
** which has left it busy.
*/
static int core_encode (lua_State *L) {
  Text *t = lua_touserdata(L, lua_upvalueindex(1));
  int n;
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  if (t->busy) {
    t = new_text(L);
    lua_pushvalue(L, 2);
    lua_replace(L, lua_upvalueindex(1));
  } else {
    lua_pushvalue(L, lua_upvalueindex(1)); /* another may take its place */
  }
  t->busy = 1;
  t->bytes.len = 0;
  n = json_encodeby(L, lua_upvalueindex(2), 1, &t->bytes);
  if (n == 0) {
    lua_pushlstring(L, t->bytes.data, t->bytes.len);
  } else {
    lua_pushnil(L);
    lua_insert(L, 3);
  }
  if (t->bytes.size > MAX_REUSED)
    buffer_free(&t->bytes);
  t->busy = 0;
  return n + 1;
}

/* }====================================================== */

static int mark (lua_State *L, const char *name) {
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  luaL_getmetatable(L, name);
  lua_setmetatable(L, 1);
  return 1;
}

/* array(t?) -> t */
static int core_array (lua_State *L) {
  return mark(L, JSON_ARRAY);
}

/* object(t?) -> t */
static int core_object (lua_State *L) {
  return mark(L, JSON_OBJECT);
}

static const luaL_Reg functions[] = {{"array", core_array},
                                     {"object", core_object},
                                     {"decoder", core_decoder},
                                     {NULL, NULL}};

static const luaL_Reg decoder_methods[] = {{"decode", decoder_decode},
                                           {NULL, NULL}};

static const luaL_Reg text_metamethods[] = {{"__gc", text_gc}, {NULL, NULL}};

static void new_class (lua_State *L, const char *name,
                       const luaL_Reg *metamethods, const luaL_Reg *methods) {
  luaL_newmetatable(L, name);
  if (metamethods != NULL)
    luaL_setfuncs(L, metamethods, 0);
  if (methods != NULL) {
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
  }
  lua_pop(L, 1);
}

void json_open (lua_State *L) {
  new_class(L, JSON_NUMBER, number_metamethods, number_methods);
  new_class(L, JSON_DECODER, NULL, decoder_methods);
  new_class(L, JSON_TEXT, text_metamethods, NULL);
  luaL_newmetatable(L, JSON_ARRAY);
  lua_setfield(L, -2, "array_mt");
  luaL_newmetatable(L, JSON_OBJECT);
  lua_setfield(L, -2, "object_mt");
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  luaL_setfuncs(L, functions, 0);
  new_decoder(L);
  lua_pop(L, 1);
  lua_pushcclosure(L, core_decode, 1);
  lua_setfield(L, -2, "decode");
  new_text(L);
  json_newencoder(L);
  lua_pushcclosure(L, core_encode, 2);
  lua_setfield(L, -2, "encode");
}
