/*
** engine_handle.c - the engine in Lua: a userdata with one reference to it. A
** Lua state has one engine per process. Used only by Lua's thread.
*/
#include "base/class.h"
#include "base/clock.h"

#include "engine_handle.h"

#include "pool_handle.h"

#define ENGINE_NAME "posthog.llm.engine"

typedef struct EngineHandle {
  Engine *engine; /* NULL once it is closed */
} EngineHandle;

Engine *engine_handle_check (lua_State *L, int arg) {
  EngineHandle *h = class_check(L, arg, ENGINE_NAME);
  luaL_argcheck(L, h->engine != NULL, arg, "engine is closed");
  return h->engine;
}

static Engine *check_engine (lua_State *L) {
  return engine_handle_check(L, 1);
}

static Engine *check_usable (lua_State *L) {
  Engine *e = engine_handle_check(L, 1);
  luaL_argcheck(L, engine_usable(e), 1, "engine of another process");
  return e;
}

static int engine_gc (lua_State *L) {
  EngineHandle *h = class_check(L, 1, ENGINE_NAME);
  Engine *e = h->engine;
  h->engine = NULL;
  if (e != NULL) {
    engine_stop(e);
    engine_release(e);
  }
  return 0;
}

/*
** engine:run() -> a descriptor that is readable while finished transfers wait
** to be collected; never read from it. Starts the engine's thread, which then
** does the work, also while Lua runs.
*/
static int engine_run_thread (lua_State *L) {
  Engine *e = check_usable(L);
  const char *why = "";
  if (engine_run(e, &why) != 0)
    return luaL_error(L, "cannot start the engine: %s", why);
  lua_pushinteger(L, engine_fd(e));
  return 1;
}

/*
** engine:poll(seconds?) -> boolean: whether there is something to collect.
** Waits at most that long, without it forever. A signal ends the wait, so that
** Lua can handle it.
*/
static int engine_poll (lua_State *L) {
  Engine *e = check_engine(L);
  double seconds = luaL_optnumber(L, 2, -1);
  int most_ms = seconds < 0 ? -1 : (int)clock_length_ms(seconds);
  lua_pushboolean(L, engine_wait(e, most_ms));
  return 1;
}

/* engine:collect(ids) -> n; stores the ids of the finished transfers in
** ids[1..n] */
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
    lua_rawseti(L, 2, ++n); /* may raise: then t stays in the list */
    engine_take(e);
  }
  lua_pushinteger(L, n);
  return 1;
}

/* engine:pool() -> pool; transfers of a pool share connections */
static int engine_new_pool (lua_State *L) {
  pool_handle_new(L, check_usable(L));
  return 1;
}

/* core.engine() -> the engine of this Lua state and process */
static int core_engine (lua_State *L) {
  EngineHandle *h;
  const char *why = "";
  lua_getfield(L, LUA_REGISTRYINDEX, ENGINE_NAME ".current");
  h = lua_touserdata(L, -1);
  if (h != NULL && h->engine != NULL && engine_usable(h->engine))
    return 1;
  h = class_new(L, sizeof(*h), ENGINE_NAME);
  h->engine = engine_new(&why);
  if (h->engine == NULL)
    return luaL_error(L, "cannot start the engine: %s", why);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, ENGINE_NAME ".current");
  return 1;
}

void engine_handle_open (lua_State *L) {
  static const luaL_Reg methods[] = {
      {"run", engine_run_thread},
      {"poll", engine_poll},
      {"collect", engine_collect_ids},
      {"pool", engine_new_pool},
      {NULL, NULL},
  };
  class_register(L, ENGINE_NAME, methods, engine_gc);
  lua_pushcfunction(L, core_engine);
  lua_setfield(L, -2, "engine");
}
