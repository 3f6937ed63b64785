/*
** compat.h - the differences between the versions of Lua: 5.1 to 5.5, LuaJIT.
** Other files test features, not versions. For libcurl see
** net/curl_compat.h.
*/
#ifndef POSTHOG_LLM_BASE_COMPAT_H
#define POSTHOG_LLM_BASE_COMPAT_H

#include "posix.h"

#include <lauxlib.h>
#include <lua.h>

#if defined(__GNUC__)
#define POSTHOG_LLM_API __attribute__((visibility("default"))) extern
#else
#define POSTHOG_LLM_API extern
#endif

/* 5.3 and later have a 64-bit integer in addition to the double. */
#if LUA_VERSION_NUM >= 503
#define HAVE_LUA_INTEGER 1
#else
#define HAVE_LUA_INTEGER 0
#endif

/* Does lua_topointer return the address of a string? */
#if LUA_VERSION_NUM >= 504 || defined(LUA_LJDIR)
#define HAVE_STRING_POINTER 1
#else
#define HAVE_STRING_POINTER 0
#endif

/* LuaJIT runs a table constructor faster than C can fill a table: it copies a
** template table that already has the keys. Lua 5.4 is as fast in C. */
#if defined(LUA_LJDIR)
#include <luajit.h>
#define HAVE_FAST_CONSTRUCTORS 1
#else
#define HAVE_FAST_CONSTRUCTORS 0
#endif

/* Can the collector be stopped and its former state be restored? */
#if defined(LUA_GCISRUNNING)
#define HAVE_GC_STATE 1
#else
#define HAVE_GC_STATE 0
#endif

/* compat_nojit(f) -> f, with JIT compilation off. Raises in a finalizer. */
static inline int compat_nojit (lua_State *L) {
#if defined(LUA_LJDIR)
  luaJIT_setmode(L, 1, LUAJIT_MODE_FUNC | LUAJIT_MODE_OFF);
#endif
  return lua_gettop(L);
}

/* Raises if the running Lua is not the version of the headers. 5.1 has no such
** check and needs none: only LuaJIT exports all the names that it uses. */
static inline void compat_checkversion (lua_State *L) {
#if LUA_VERSION_NUM >= 502
  luaL_checkversion(L);
#else
  (void)L;
#endif
}

#if LUA_VERSION_NUM < 502

#define lua_rawlen(L, i) lua_objlen(L, (i))

static inline int compat_absindex (lua_State *L, int i) {
  return (i > 0 || i <= LUA_REGISTRYINDEX) ? i : lua_gettop(L) + i + 1;
}
#define lua_absindex(L, i) compat_absindex(L, (i))

#if !defined(LUAJIT_VERSION) && !defined(LUA_LJDIR)
/* LuaJIT's lauxlib has luaL_setfuncs and luaL_testudata; PUC 5.1 does not.
** LUAJIT_VERSION lives in luajit.h, which PUC does not have; LUA_LJDIR is set
** by LuaJIT's luaconf.h. */
static inline void compat_setfuncs (lua_State *L, const luaL_Reg *l, int nup) {
  luaL_checkstack(L, nup, "too many upvalues");
  for (; l->name != NULL; l++) {
    int i;
    for (i = 0; i < nup; i++)
      lua_pushvalue(L, -nup);
    lua_pushcclosure(L, l->func, nup);
    lua_setfield(L, -(nup + 2), l->name);
  }
  lua_pop(L, nup);
}
#define luaL_setfuncs(L, l, n) compat_setfuncs(L, (l), (n))

static inline void *compat_testudata (lua_State *L, int i, const char *name) {
  void *p = lua_touserdata(L, i);
  if (p == NULL || !lua_getmetatable(L, i))
    return NULL;
  luaL_getmetatable(L, name);
  if (!lua_rawequal(L, -1, -2))
    p = NULL;
  lua_pop(L, 2);
  return p;
}
#define luaL_testudata(L, i, name) compat_testudata(L, (i), (name))
#endif

#undef luaL_newlib
#define luaL_newlib(L, l)                                                      \
  (lua_createtable(L, 0, (int)(sizeof(l) / sizeof((l)[0])) - 1),               \
   luaL_setfuncs(L, (l), 0))

#endif

#endif
