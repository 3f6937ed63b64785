/*
** pool_handle.c - a pool in Lua: a userdata that owns the pool and has a
** reference to its engine. The reference keeps the engine's memory valid in
** whichever order lua_close calls the finalisers.
*/
#include "base/class.h"

#include "pool_handle.h"

#include "request.h"
#include "transfer_handle.h"

#define POOL_NAME "posthog.llm.pool"

#define MIN_THRESHOLD ((size_t)32 << 20) /* bytes */

typedef struct PoolHandle {
  Engine *engine; /* NULL once closed, like pool */
  Pool *pool;
  size_t threshold; /* bytes of unread responses that start a collection */
} PoolHandle;

static int pool_gc (lua_State *L) {
  PoolHandle *h = class_check(L, 1, POOL_NAME);
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
** When a coroutine is dropped, or an error of a hook ends a call, the body of
** the response stays in memory until its handle is collected, and Lua's
** collector does not know its size. So a full collection is made here when the
** unread bodies exceed a threshold. The threshold is twice what the last
** collection left.
*/
static void collect_unread (lua_State *L, PoolHandle *h) {
  if (engine_unread(h->engine) <= h->threshold)
    return;
  lua_gc(L, LUA_GCCOLLECT, 0);
  if (h->engine == NULL) /* closed by a finaliser */
    return;
  h->threshold = 2 * engine_unread(h->engine);
  if (h->threshold < MIN_THRESHOLD)
    h->threshold = MIN_THRESHOLD;
}

/*
** pool:start(config, request, url, timeout?, deadline?, headers?)
**   -> transfer | nil, message, path
** request: method, json (a value) or body (text), idempotent (it may be sent
** twice), stream (its body is for transfer:read). timeout: seconds from when it
** is sent; deadline: seconds from now. headers: replace those of the config.
** Fails if the value cannot be encoded (path: of the part that cannot), if the
** pool is closed, or if no thread can be started.
*/
static int pool_start_request (lua_State *L) {
  PoolHandle *h = class_check(L, 1, POOL_NAME);
  Transfer *t;
  const char *why = "";
  int n;
  luaL_checktype(L, REQUEST_TABLE, LUA_TTABLE);
  lua_settop(L, REQUEST_LAST);
  if (h->pool == NULL || !engine_usable(h->engine))
    return pool_is_closed(L);
  collect_unread(L, h);
  t = transfer_handle_new(L);
  n = request_read(L, t);
  if (n != 0) {
    lua_pushnil(L);
    lua_insert(L, -(n + 1));
    return n + 1;
  }
  if (h->pool == NULL) /* closed by a metamethod of the request table */
    return pool_is_closed(L);
  if (engine_start(h->engine, h->pool, t, &why) != 0) {
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
  }
  transfer_handle_started(L, REQUEST_LAST + 1, h->engine);
  lua_settop(L, REQUEST_LAST + 1);
  return 1;
}

void pool_handle_new (lua_State *L, Engine *e) {
  PoolHandle *h = class_new(L, sizeof(*h), POOL_NAME);
  h->pool = engine_pool(e);
  if (h->pool == NULL)
    luaL_error(L, "not enough memory");
  h->threshold = MIN_THRESHOLD;
  h->engine = e;
  engine_retain(e);
}

void pool_handle_open (lua_State *L) {
  static const luaL_Reg methods[] = {
      {"start", pool_start_request},
      {"close", pool_gc},
      {NULL, NULL},
  };
  class_register(L, POOL_NAME, methods, pool_gc);
}
