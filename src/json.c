/*
** json.c - the JSON functions of the core.
*/
#include "json.h"

void json_open (lua_State *L) {
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
}

int json_decode (lua_State *L, int decoder, const char *s, size_t len) {
  (void)decoder;
  (void)s;
  (void)len;
  lua_pushnil(L);
  lua_pushliteral(L, "not written yet");
  lua_pushinteger(L, 1);
  return 3;
}

int json_encode (lua_State *L, int idx, Buffer *out) {
  (void)idx;
  (void)out;
  lua_pushliteral(L, "not written yet");
  lua_pushliteral(L, "");
  return 2;
}
