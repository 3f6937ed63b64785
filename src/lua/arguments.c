/*
** arguments.c - checks and copies the Lua values of a request. All functions
** may raise, so the memory they copy into must be owned by a userdata.
*/
#include "arguments.h"

#include <stdlib.h>
#include <string.h>

/* NB: the owner can reach the copy before anything else can raise. */
void argument_string (lua_State *L, int i, const char *name, char **into) {
  size_t len;
  const char *s = lua_tolstring(L, i, &len);
  if (s == NULL) {
    luaL_error(L, "request.%s: string expected, got %s", name,
               luaL_typename(L, i));
    return;
  }
  if (strcspn(s, "\r\n") != len)
    luaL_error(L, "request.%s: line break or zero byte", name);
  *into = malloc(len + 1);
  if (*into == NULL)
    luaL_error(L, "not enough memory");
  else
    memcpy(*into, s, len + 1);
}

double argument_number (lua_State *L, int i, const char *name, double absent,
                        double most) {
  double n = absent;
  if (lua_type(L, i) == LUA_TNUMBER)
    n = lua_tonumber(L, i);
  else if (!lua_isnoneornil(L, i))
    luaL_error(L, "request.%s: number expected, got %s", name,
               luaL_typename(L, i));
  if (!(n > 0)) /* also for NaN */
    return 0;
  return n < most ? n : most;
}

void argument_header (lua_State *L, struct curl_slist **list,
                      const char *line) {
  struct curl_slist *grown = curl_slist_append(*list, line); /* copies */
  if (grown == NULL)
    luaL_error(L, "not enough memory");
  else
    *list = grown;
}

void argument_headers (lua_State *L, int i, struct curl_slist **list) {
  int n;
  if (lua_isnoneornil(L, i))
    return;
  if (!lua_istable(L, i))
    luaL_error(L, "request.headers: table expected, got %s",
               luaL_typename(L, i));
  for (n = 1; lua_rawgeti(L, i, n), !lua_isnil(L, -1); n++) {
    size_t len;
    const char *line = lua_tolstring(L, -1, &len);
    if (line == NULL)
      luaL_error(L, "request.headers[%d]: string expected, got %s", n,
                 luaL_typename(L, -1));
    else if (strcspn(line, "\r\n") != len)
      luaL_error(L, "request.headers[%d]: line break or zero byte", n);
    else
      argument_header(L, list, line);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}
