#include "base/clock.h"
#include "base/compat.h"

#include "handles.h"

#include "arguments.h"
#include "request.h"
#include "request_config.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define ENGINE_NAME "posthog.llm.engine"
#define POOL_NAME   "posthog.llm.pool"

typedef struct EngineHandle {
  Engine *engine;
} EngineHandle;

typedef struct PoolHandle {
  Engine *engine;
  Pool *pool;
} PoolHandle;

void *handles_new (lua_State *L, size_t size, const char *name) {
  void *h = lua_newuserdata(L, size);
  memset(h, 0, size);
  luaL_getmetatable(L, name);
  lua_setmetatable(L, -2);
  return h;
}

void *handles_check (lua_State *L, int arg, const char *name) {
  void *handle = lua_touserdata(L, arg);
  if (handle != NULL && lua_getmetatable(L, arg)) {
    int same = lua_rawequal(L, -1, lua_upvalueindex(1));
    lua_pop(L, 1);
    if (same)
      return handle;
  }
  return luaL_checkudata(L, arg, name); /* another class, or an error */
}

void handles_class (lua_State *L, const char *name, const luaL_Reg *methods,
                    lua_CFunction gc) {
  luaL_newmetatable(L, name);
  lua_newtable(L);
  lua_pushvalue(L, -2);
  luaL_setfuncs(L, methods, 1);
  lua_setfield(L, -2, "__index");
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, gc, 1);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "__gc");
  lua_setfield(L, -2, "__close");
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  lua_pushliteral(L, "protected"); /* getmetatable must not reach __gc */
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

/* {=================================================================
** Pools
** ================================================================== */

static int pool_gc (lua_State *L) {
  PoolHandle *h = handles_check(L, 1, POOL_NAME);
  Pool *p = h->pool;
  Engine *e = h->engine;
  h->pool = NULL;
  h->engine = NULL;
  if (p != NULL)
    engine_close_pool(e, p);
  if (e != NULL)
    engine_release(e);
  return 0;
}

static int pool_is_closed (lua_State *L) {
  lua_pushnil(L);
  lua_pushliteral(L, "the pool is closed");
  return 2;
}

/*
** pool:start(config, request, url, timeout?, deadline?, headers?)
**   -> transfer | nil, message, path
** request: method, json (a value) or body (text), idempotent (it may go out
** twice). timeout: seconds from when it is sent; deadline: seconds from now.
** headers: instead of those of the config. Fails when the value cannot be
** encoded (path tells where), when the pool is closed, or without a thread.
*/
static int pool_start_request (lua_State *L) {
  PoolHandle *h = handles_check(L, 1, POOL_NAME);
  TransferHandle *th;
  const char *why = "";
  int n;
  luaL_checktype(L, REQUEST_TABLE, LUA_TTABLE);
  lua_settop(L, REQUEST_LAST);
  if (h->pool == NULL || !engine_usable(h->engine))
    return pool_is_closed(L);
  th = handles_new(L, sizeof(*th), TRANSFER_NAME);
  th->transfer = transfer_new();
  if (th->transfer == NULL)
    return luaL_error(L, "not enough memory");
  n = request_read(L, th->transfer);
  if (n != 0) {
    lua_pushnil(L);
    lua_insert(L, -(n + 1));
    return n + 1;
  }
  if (h->pool == NULL) /* closed by a metamethod of what was read */
    return pool_is_closed(L);
  if (engine_start(h->engine, h->pool, th->transfer, &why) != 0) {
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
  }
  th->engine = h->engine;
  engine_retain(th->engine);
  lua_settop(L, REQUEST_LAST + 1);
  return 1;
}

/* }================================================================= */

/* {=================================================================
** The engine
** ================================================================== */

Engine *handles_engine (lua_State *L, int arg) {
  EngineHandle *h = handles_check(L, arg, ENGINE_NAME);
  luaL_argcheck(L, h->engine != NULL, arg, "engine is closed");
  return h->engine;
}

static Engine *check_engine (lua_State *L) {
  return handles_engine(L, 1);
}

static Engine *check_usable (lua_State *L) {
  Engine *e = handles_engine(L, 1);
  luaL_argcheck(L, engine_usable(e), 1, "engine of another process");
  return e;
}

static int engine_gc (lua_State *L) {
  EngineHandle *h = handles_check(L, 1, ENGINE_NAME);
  Engine *e = h->engine;
  h->engine = NULL;
  if (e != NULL) {
    engine_stop(e);
    engine_release(e);
  }
  return 0;
}

/*
** engine:run() -> the descriptor that is readable while transfers wait to be
** collected; never read from it. From here on a thread does the work, and
** does it while Lua runs too.
*/
static int engine_run_thread (lua_State *L) {
  Engine *e = check_usable(L);
  const char *why = "";
  if (engine_run(e, &why) != 0)
    return luaL_error(L, "cannot start the engine: %s", why);
  lua_pushinteger(L, engine_fd(e));
  return 1;
}

/* engine:usable() -> boolean: false in a child after a fork */
static int engine_is_usable (lua_State *L) {
  lua_pushboolean(L, engine_usable(check_engine(L)));
  return 1;
}

/*
** engine:poll(seconds?) -> boolean: is there something to collect? Waits at
** most that long, for ever without it. A signal ends the wait early, so that
** Lua sees it.
*/
static int engine_poll (lua_State *L) {
  Engine *e = check_engine(L);
  double seconds = luaL_optnumber(L, 2, -1);
  int most_ms = seconds < 0 ? -1 : (int)argument_milliseconds(seconds);
  lua_pushboolean(L, engine_wait(e, most_ms));
  return 1;
}

/* engine:collect(ids) -> n; ids[1..n] are those of the finished transfers */
static int engine_collect_ids (lua_State *L) {
  Engine *e = check_engine(L);
  Transfer *t;
  int n = 0;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  if (!engine_usable(e)) {
    lua_pushinteger(L, 0);
    return 1;
  }
  while ((t = engine_peek(e)) != NULL) {
    lua_pushinteger(L, (lua_Integer)t->id);
    lua_rawseti(L, 2, ++n); /* may throw: t stays in the list then */
    engine_take(e);
  }
  lua_pushinteger(L, n);
  return 1;
}

/* engine:pool() -> pool: transfers of a pool share connections */
static int engine_new_pool (lua_State *L) {
  Engine *e = check_usable(L);
  PoolHandle *h = handles_new(L, sizeof(*h), POOL_NAME);
  h->pool = engine_pool(e);
  if (h->pool == NULL)
    return luaL_error(L, "not enough memory");
  h->engine = e;
  engine_retain(e);
  return 1;
}

/* core.engine() -> engine: the one of this Lua state and process */
static int core_engine (lua_State *L) {
  EngineHandle *h;
  const char *why = "";
  lua_getfield(L, LUA_REGISTRYINDEX, ENGINE_NAME ".current");
  h = lua_touserdata(L, -1);
  if (h != NULL && h->engine != NULL && engine_usable(h->engine))
    return 1;
  h = handles_new(L, sizeof(*h), ENGINE_NAME);
  h->engine = engine_new(&why);
  if (h->engine == NULL)
    return luaL_error(L, "cannot start the engine: %s", why);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, ENGINE_NAME ".current");
  return 1;
}

/* core.now() -> seconds on a clock that never jumps */
static int core_now (lua_State *L) {
  lua_pushnumber(L, (lua_Number)clock_seconds());
  return 1;
}

/* core.sleep(seconds): may end early by a signal */
static int core_sleep (lua_State *L) {
  double seconds = luaL_checknumber(L, 1);
  if (seconds > 0)
    poll(NULL, 0, (int)argument_milliseconds(seconds));
  return 0;
}

/* }================================================================= */

/* libcurl answers in buffers of its own, which the states of several threads
** must not fill at once. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *default_ca;
static char version[256];

/* NB: not curl_version(), which asks libldap, which asks a name server for the
** name of this machine: loading a module must not wait for that. */
static void ask_libcurl (void) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  default_ca = compat_default_ca();
  snprintf(version, sizeof(version), "libcurl/%s %s", info->version,
           info->ssl_version != NULL ? info->ssl_version : "without TLS");
}

void handles_open (lua_State *L) {
  static const luaL_Reg pool_methods[] = {
      {"start", pool_start_request},
      {"close", pool_gc},
      {NULL, NULL},
  };
  static const luaL_Reg engine_methods[] = {
      {"run", engine_run_thread}, {"usable", engine_is_usable},
      {"poll", engine_poll},      {"collect", engine_collect_ids},
      {"pool", engine_new_pool},  {NULL, NULL},
  };
  static const luaL_Reg functions[] = {
      {"engine", core_engine},
      {"now", core_now},
      {"sleep", core_sleep},
      {NULL, NULL},
  };
  handles_open_transfers(L);
  handles_class(L, POOL_NAME, pool_methods, pool_gc);
  handles_class(L, ENGINE_NAME, engine_methods, engine_gc);
  luaL_setfuncs(L, functions, 0);
  pthread_once(&once, ask_libcurl);
  lua_pushstring(L, default_ca);
  lua_setfield(L, -2, "default_ca");
  lua_pushstring(L, version);
  lua_setfield(L, -2, "curl_version");
}
