/*
** codec_lua.c - a Lua with the codec in it, and no network: what
*bench/count_arm64.lua
** has qemu run, linked statically, so that it takes nothing of another
*architecture but
** its Lua and its C library.
*/
#include "base/compat.h"
#include "json/json.h"

#include <lualib.h>
#include <stdio.h>
#include <time.h>

/* Lua seeds its hashes from the time: see still_clock.c. */
time_t time (time_t *now) {
  if (now != NULL)
    *now = 1;
  return 1;
}

static int open_core (lua_State *L) {
  lua_newtable(L);
  json_open(L);
  return 1;
}

int main (int argc, char **argv) {
  int i, failed;
  lua_State *L = luaL_newstate();
  if (L == NULL || argc < 2)
    return 2;
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, open_core);
  lua_setfield(L, -2, "posthog.llm.core");
  lua_newtable(L);
  for (i = 1; i < argc; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i - 1);
  }
  lua_setglobal(L, "arg");
  failed = luaL_dofile(L, argv[1]);
  if (failed)
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
  lua_close(L);
  return failed != 0;
}
