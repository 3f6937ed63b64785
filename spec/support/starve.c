/*
** starve.c - a Lua interpreter in which chosen allocations fail: those of Lua,
** of the core's own C code (which is linked in, its calls wrapped) and of
** libcurl, in one count. And one in which libcurl misses what it waits for.
**
**   starve program.lua [argument ...]
*/
#define _POSIX_C_SOURCE 200809L

#include <curl/curl.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int luaopen_posthog_llm_core (lua_State *L);

#if LUA_VERSION_NUM >= 505 /* wants a seed for its hashes: always the same */
#define lua_newstate(allocator, context) lua_newstate((allocator), (context), 0)
#endif

/* The linker's names, by --wrap: calls from the core come to the first ones. */
void *__wrap_malloc (size_t size);
void *__wrap_calloc (size_t n, size_t size);
void *__wrap_realloc (void *p, size_t size);
CURLcode __wrap_curl_global_init (long flags);
int __wrap_pthread_atfork (void (*before)(void), void (*parent)(void),
                           void (*child)(void));
int __wrap_atexit (void (*f)(void));
CURLMcode __wrap_curl_multi_socket_action (CURLM *multi, curl_socket_t fd,
                                           int events, int *running);
CURLMcode __real_curl_multi_socket_action (CURLM *multi, curl_socket_t fd,
                                           int events, int *running);
void *__real_malloc (size_t size);
void *__real_calloc (size_t n, size_t size);
void *__real_realloc (void *p, size_t size);
int __real_pthread_atfork (void (*before)(void), void (*parent)(void),
                           void (*child)(void));
int __real_atexit (void (*f)(void));

/* The engine's thread allocates too. */
#define get(what)      __atomic_load_n(&(what), __ATOMIC_SEQ_CST)
#define set(what, n)   __atomic_store_n(&(what), (n), __ATOMIC_SEQ_CST)
#define count(what, n) __atomic_fetch_add(&(what), (n), __ATOMIC_SEQ_CST)

static int armed;
static long left;     /* allocations that still succeed */
static long most;     /* of those behind them that fail */
static long failures; /* so far */

static int fails (void) {
  long before;
  if (!get(armed))
    return 0;
  before = count(left, -1);
  if (before > 0 || before <= -get(most))
    return 0;
  count(failures, 1);
  return 1;
}

void *__wrap_malloc (size_t size) {
  return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc (size_t n, size_t size) {
  return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc (void *p, size_t size) {
  return fails() ? NULL : __real_realloc(p, size);
}

static int spared; /* libcurl is */

static void *curl_malloc (size_t size) {
  return !get(spared) && fails() ? NULL : __real_malloc(size);
}

static void *curl_calloc (size_t n, size_t size) {
  return !get(spared) && fails() ? NULL : __real_calloc(n, size);
}

static void *curl_realloc (void *p, size_t size) {
  return !get(spared) && fails() ? NULL : __real_realloc(p, size);
}

static char *curl_strdup (const char *s) {
  return !get(spared) && fails() ? NULL : strdup(s);
}

static void curl_release (void *p) {
  free(p);
}

int __wrap_pthread_atfork (void (*before)(void), void (*parent)(void),
                           void (*child)(void)) {
  return fails() ? ENOMEM : __real_pthread_atfork(before, parent, child);
}

int __wrap_atexit (void (*f)(void)) {
  return fails() ? -1 : __real_atexit(f);
}

CURLcode __wrap_curl_global_init (long flags) {
  if (fails()) /* libcurl's own are OpenSSL's, which are not counted */
    return CURLE_OUT_OF_MEMORY;
  return curl_global_init_mem(flags, curl_malloc, curl_release, curl_realloc,
                              curl_strdup, curl_calloc);
}

/* Lua's: making smaller never fails. */
static void *allocate (void *ud, void *p, size_t old, size_t size) {
  (void)ud;
  if (size == 0) {
    free(p);
    return NULL;
  }
  if ((p == NULL || size > old) && fails())
    return NULL;
  return __real_realloc(p, size);
}

static void arm (lua_State *L, int arg) {
  set(left, (long)luaL_checknumber(L, arg) - 1);
  set(most, (long)luaL_checknumber(L, arg + 1));
  set(failures, 0);
  set(armed, 1);
}

static long disarm (void) {
  set(armed, 0);
  return get(failures);
}

/* call(f, n, most) -> failures, ok, results...: f, while the n-th allocation
** fails and those that follow it, `most` in all */
static int starve_call (lua_State *L) {
  long failed;
  int status;
  luaL_checkstack(L, 20, NULL);
  lua_pushvalue(L, 1);
  arm(L, 2);
  status = lua_pcall(L, 0, LUA_MULTRET, 0);
  failed = disarm();
  lua_pushnumber(L, (lua_Number)failed);
  lua_replace(L, 2);
  lua_pushboolean(L, status == 0);
  lua_replace(L, 3);
  return lua_gettop(L) - 1;
}

/* spare(boolean): whether allocations of libcurl's are left alone */
static int starve_spare (lua_State *L) {
  set(spared, lua_toboolean(L, 1));
  return 0;
}

static int forgetful; /* libcurl is */

CURLMcode __wrap_curl_multi_socket_action (CURLM *multi, curl_socket_t fd,
                                           int events, int *running) {
  if (get(forgetful))
    return CURLM_OK;
  return __real_curl_multi_socket_action(multi, fd, events, running);
}

/* forget(boolean): whether libcurl is told of nothing that it waits for, of
** neither sockets nor the time, as if it had lost the transfer */
static int starve_forget (lua_State *L) {
  set(forgetful, lua_toboolean(L, 1));
  return 0;
}

static int open_core (lua_State *L) {
  lua_pushcfunction(L, luaopen_posthog_llm_core);
  lua_call(L, 0, 0);
  return 0;
}

/* load(n, most) -> failures, ok, message: the same for loading the core in
** a new state. Making one is Lua's own business, and crashes LuaJIT. */
static int starve_load (lua_State *L) {
  lua_State *fresh = lua_newstate(allocate, NULL);
  long failed;
  int status;
  if (fresh == NULL)
    return luaL_error(L, "no state");
  luaL_openlibs(fresh);
  lua_pushcfunction(fresh, open_core);
  arm(L, 1);
  status = lua_pcall(fresh, 0, 0, 0);
  failed = disarm();
  lua_pushnumber(L, (lua_Number)failed);
  lua_pushboolean(L, status == 0);
  lua_pushstring(L, status != 0 ? lua_tostring(fresh, -1) : NULL);
  lua_close(fresh);
  return 3;
}

static void preload (lua_State *L, const char *name, lua_CFunction open) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, open);
  lua_setfield(L, -2, name);
  lua_pop(L, 2);
}

static int open_starve (lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, starve_call);
  lua_setfield(L, -2, "call");
  lua_pushcfunction(L, starve_load);
  lua_setfield(L, -2, "load");
  lua_pushcfunction(L, starve_spare);
  lua_setfield(L, -2, "spare");
  lua_pushcfunction(L, starve_forget);
  lua_setfield(L, -2, "forget");
  return 1;
}

int main (int argc, char **argv) {
  lua_State *L = lua_newstate(allocate, NULL);
  int i, status;
  luaL_openlibs(L);
  preload(L, "posthog.llm.core", luaopen_posthog_llm_core);
  preload(L, "spec_starve", open_starve);
  status = argc < 2 || luaL_loadfile(L, argv[1]) != 0;
  for (i = 2; !status && i < argc; i++)
    lua_pushstring(L, argv[i]);
  status = status || lua_pcall(L, argc - 2, 0, 0) != 0;
  if (status)
    fprintf(stderr, "%s\n", argc < 2 ? "no program" : lua_tostring(L, -1));
  lua_close(L);
  return status;
}
