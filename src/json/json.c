/*
** json.c - the JSON functions that Lua calls: decode, encode, decoders, marks
** for tables. Decoders, and the buffer that encode writes into, are userdata,
** which own all that a call allocates: an error leaks nothing.
*/
#include "json.h"

#include "base/direct.h"
#include "types.h"

#include <math.h>
#include <string.h>

void json_new_class (lua_State *L, const char *name,
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

void json_check_decoder (lua_State *L, int arg) {
  luaL_checkudata(L, arg, JSON_DECODER);
}

/* decoder:decode(text) -> value | nil, message, position, limit */
static int decoder_decode (lua_State *L) {
  luaL_checkudata(L, 1, JSON_DECODER);
  return decode_string(L, 1, 2);
}

/* Pushes a decoder with the default settings and, above it, its attached list.
 */
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
** For a text over a limit, the name of the limit is returned after the
** position. keep_null = false leaves out object members that are null, except
** members with a name in `free` and everything below them. Null elements of
** arrays are always kept.
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

/* A larger buffer is freed after the call. */
#define MAX_REUSED ((size_t)1 << 20)

/* The buffer that encode writes into, and whether a call is using it. */
typedef struct Text {
  Buffer bytes;
  int busy;
} Text;

static int text_gc (lua_State *L) {
  Text *t = luaL_checkudata(L, 1, JSON_TEXT);
  buffer_free(&t->bytes);
  return 0;
}

/* Pushes a new Text. */
static Text *new_text (lua_State *L) {
  Text *t = lua_newuserdata(L, sizeof(Text));
  memset(t, 0, sizeof(*t));
  luaL_getmetatable(L, JSON_TEXT);
  lua_setmetatable(L, -2);
  return t;
}

/*
** encode(value) -> text | nil, message, path
** The buffer is reused by the next call. When it is busy (a finalizer encodes
** during a call, or an error has ended the last call) a new one replaces it.
*/
static int core_encode (lua_State *L) {
  Text *t = lua_touserdata(L, lua_upvalueindex(1));
  int n;
  if (lua_gettop(L) != 1) {
    luaL_checkany(L, 1);
    lua_settop(L, 1);
  }
  if (t->busy) {
    t = new_text(L);
    lua_pushvalue(L, 2);
    lua_replace(L, lua_upvalueindex(1));
  } else {
    lua_pushvalue(L, lua_upvalueindex(1)); /* it may be replaced meanwhile */
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

void json_open (lua_State *L) {
  json_open_numbers(L);
  json_new_class(L, JSON_DECODER, NULL, decoder_methods);
  json_new_class(L, JSON_TEXT, text_metamethods, NULL);
  luaL_newmetatable(L, JSON_ARRAY);
  lua_setfield(L, -2, "array_mt");
  luaL_newmetatable(L, JSON_OBJECT);
  lua_pop(L, 1);
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  luaL_setfuncs(L, functions, 0);
  new_decoder(L);
  lua_pop(L, 1);
  json_open_raw(L, lua_gettop(L));
  lua_pushcclosure(L, core_decode, 1);
  lua_setfield(L, -2, "decode");
  new_text(L);
  json_newencoder(L);
  lua_pushcclosure(L, core_encode, 2);
  lua_setfield(L, -2, "encode");
}
