/*
** compat.h - the one place that knows versions: Lua 5.1 to 5.5, LuaJIT, and
** libcurl from 7.68 on. The other files ask for features by name.
*/
#ifndef POSTHOG_LLM_BASE_COMPAT_H
#define POSTHOG_LLM_BASE_COMPAT_H

/* -std=c99 hides what POSIX adds; so this header comes first everywhere. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <curl/curl.h>
#include <lauxlib.h>
#include <lua.h>

#if defined(__GNUC__)
#define POSTHOG_LLM_API __attribute__((visibility("default"))) extern
#else
#define POSTHOG_LLM_API extern
#endif

/* 5.3 and later have a 64-bit integer beside the double. */
#if LUA_VERSION_NUM >= 503
#define HAVE_LUA_INTEGER 1
#else
#define HAVE_LUA_INTEGER 0
#endif

/* LuaJIT runs a table constructor faster than C can fill a table: it copies a
** table that has the keys already. Lua 5.4 is as fast in C. */
#if defined(LUA_LJDIR)
#include <luajit.h>
#define HAVE_FAST_CONSTRUCTORS 1
#else
#define HAVE_FAST_CONSTRUCTORS 0
#endif

/* Can the collector be stopped and put back as it was? */
#if defined(LUA_GCISRUNNING)
#define HAVE_GC_STATE 1
#else
#define HAVE_GC_STATE 0
#endif

/* compat_nojit(f) -> f, which is not to be compiled. Raises in a finalizer. */
static inline int compat_nojit (lua_State *L) {
#if defined(LUA_LJDIR)
  luaJIT_setmode(L, 1, LUAJIT_MODE_FUNC | LUAJIT_MODE_OFF);
#endif
  return lua_gettop(L);
}

/* Raises where the Lua that runs is another than that of the headers. 5.1 has
** no such check, and needs none: only LuaJIT finds all its names in it. */
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
/* LuaJIT's lauxlib has luaL_setfuncs and luaL_testudata; PUC 5.1 has not.
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

/* {=================================================================
** libcurl. 7.68 (curl_multi_poll and its companions) is the oldest.
** ================================================================== */

#if LIBCURL_VERSION_NUM < 0x074400
#error "posthog-llm needs libcurl 7.68 or newer"
#endif

#define HAVE_CURL_CLIENTCERT_ERROR (LIBCURL_VERSION_NUM >= 0x074d00)
#define HAVE_CURL_PREREQ           (LIBCURL_VERSION_NUM >= 0x075000)
#define HAVE_CURL_PROTOCOLS_STR    (LIBCURL_VERSION_NUM >= 0x075500)
#define HAVE_CURL_QUICK_EXIT       (LIBCURL_VERSION_NUM >= 0x075700)
/* TLS too sends by send(MSG_NOSIGNAL), so that no write raises SIGPIPE. */
#define HAVE_CURL_NO_SIGPIPE (LIBCURL_VERSION_NUM >= 0x075800)

/* For a header line that is longer than libcurl takes. Its name is new, and
** before 8.6 it was CURLE_OUT_OF_MEMORY. */
#define COMPAT_TOO_LARGE ((CURLcode)100)

/* The CA bundle that libcurl was built with, NULL when it does not say. */
static inline const char *compat_default_ca (void) {
#if LIBCURL_VERSION_NUM >= 0x074600
  curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  if (info->age >= CURLVERSION_SEVENTH)
    return info->cainfo;
#endif
  return NULL;
}

/* }================================================================= */

#endif
