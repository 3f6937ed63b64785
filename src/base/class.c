/*
** class.c - classes of userdata. Each Lua state has its own in its registry.
*/
#include "class.h"

#include <string.h>

void class_register (lua_State *L, const char *name, const luaL_Reg *methods,
                     lua_CFunction gc) {
  luaL_newmetatable(L, name);
  lua_newtable(L);
  lua_pushvalue(L, -2);
  luaL_setfuncs(L, methods, 1);
  lua_setfield(L, -2, "__index");
  if (gc != NULL) {
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, gc, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__gc");
    lua_setfield(L, -2, "__close");
  }
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  lua_pushliteral(L, "protected"); /* getmetatable must not reach __gc */
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

void *class_new (lua_State *L, size_t size, const char *name) {
  void *object = lua_newuserdata(L, size);
  memset(object, 0, size);
  luaL_getmetatable(L, name);
  lua_setmetatable(L, -2);
  return object;
}

void *class_check (lua_State *L, int arg, const char *name) {
  void *object = lua_touserdata(L, arg);
  if (object != NULL && lua_getmetatable(L, arg)) {
    int same = lua_rawequal(L, -1, lua_upvalueindex(1));
    lua_pop(L, 1);
    if (same)
      return object;
  }
  return luaL_checkudata(L, arg, name); /* another class, or an error */
}
