/*
** raw.c - a JSON text as a value: a userdata with the bytes of one JSON value,
** which the encoder writes as they are. It never changes, and is valid JSON.
*/
#include "json.h"

#include "types.h"

#include <string.h>

static const Literal *checkraw (lua_State *L, int arg) {
  return luaL_checkudata(L, arg, JSON_RAW);
}

static int is_space (char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/*
** raw(text) -> raw | nil, message, position, limit
** The text is decoded to check it. White space around it is removed.
*/
static int core_raw (lua_State *L) {
  size_t len;
  const char *s;
  Literal *raw;
  luaL_checktype(L, 1, LUA_TSTRING);
  lua_settop(L, 1);
  s = lua_tolstring(L, 1, &len);
  if (json_decode(L, lua_upvalueindex(1), s, len) != 1)
    return lua_gettop(L) - 1;
  while (is_space(s[len - 1]))
    len--;
  for (; is_space(*s); s++)
    len--;
  raw = lua_newuserdata(L, sizeof(Literal) + len);
  raw->len = len;
  memcpy(raw->text, s, len);
  luaL_getmetatable(L, JSON_RAW);
  lua_setmetatable(L, -2);
  return 1;
}

static int raw_tostring (lua_State *L) {
  const Literal *raw = checkraw(L, 1);
  lua_pushlstring(L, raw->text, raw->len);
  return 1;
}

/* raw:decode() -> value | nil, message, position, limit */
static int raw_decode (lua_State *L) {
  const Literal *raw = checkraw(L, 1);
  lua_settop(L, 1);
  return json_decode(L, lua_upvalueindex(1), raw->text, raw->len);
}

static int raw_eq (lua_State *L) {
  const Literal *a = luaL_testudata(L, 1, JSON_RAW);
  const Literal *b = luaL_testudata(L, 2, JSON_RAW);
  lua_pushboolean(L, a != NULL && b != NULL && a->len == b->len &&
                         memcmp(a->text, b->text, a->len) == 0);
  return 1;
}

static const luaL_Reg metamethods[] = {
    {"__tostring", raw_tostring}, {"__eq", raw_eq}, {NULL, NULL}};

void json_open_raw (lua_State *L, int decoder) {
  luaL_newmetatable(L, JSON_RAW);
  luaL_setfuncs(L, metamethods, 0);
  lua_newtable(L);
  lua_pushvalue(L, decoder);
  lua_pushcclosure(L, raw_decode, 1);
  lua_setfield(L, -2, "decode");
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  lua_pushvalue(L, decoder);
  lua_pushcclosure(L, core_raw, 1);
  lua_setfield(L, decoder - 1, "raw");
}
