/*
** interop.c - recognises the values by which cjson and Neovim express null,
** empty arrays and empty objects. Only modules that are already loaded are
** examined.
*/
#include "writer.h"

/* Pushes a field of a loaded module or of a global table, raw. */
static void push_field (lua_State *L, const char *table, const char *field) {
  if (!lua_istable(L, -1)) {
    lua_pushnil(L);
    return;
  }
  lua_pushstring(L, table);
  lua_rawget(L, -2);
  if (!lua_istable(L, -1))
    return;
  lua_pushstring(L, field);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

/* Is the value on top this field of the loaded cjson? */
static int is_cjson (lua_State *L, const char *field) {
  int i, same = 0;
  static const char *const names[] = {"cjson", "cjson.safe"};
  for (i = 0; i < 2 && !same; i++) {
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    push_field(L, names[i], field);
    same = !lua_isnil(L, -1) && lua_rawequal(L, -1, -3);
    lua_pop(L, 2);
  }
  return same;
}

/* Is the value on top this field of Neovim's global vim? */
static int is_vim (lua_State *L, const char *field) {
  int same;
#if LUA_VERSION_NUM >= 502
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
#else
  lua_pushvalue(L, LUA_GLOBALSINDEX);
#endif
  push_field(L, "vim", field);
  same = !lua_isnil(L, -1) && lua_rawequal(L, -1, -3);
  lua_pop(L, 2);
  return same;
}

int json_interop_mark (lua_State *L) {
  if (is_cjson(L, "array_mt"))
    return LIST;
  if (is_cjson(L, "empty_array_mt")) {
    lua_pushnil(L);
    if (lua_next(L, -3) == 0)
      return LIST;
    lua_pop(L, 2);
  } else if (is_vim(L, "_empty_dict_mt")) {
    return MAP;
  }
  return OPEN;
}

const char *json_interop_value (lua_State *L) {
  if (is_vim(L, "NIL"))
    return "null";
  return is_cjson(L, "empty_array") ? "[]" : NULL;
}
