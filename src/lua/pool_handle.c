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

void pool_handle_check (lua_State *L, int arg) {
  luaL_checkudata(L, arg, POOL_NAME);
}

static const char closed[] = "the pool is closed";

static int pool_is_closed (lua_State *L) {
  lua_pushnil(L);
  lua_pushstring(L, closed);
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

Transfer *pool_handle_transfer (lua_State *L, int index, int used) {
  PoolHandle *h = lua_touserdata(L, index);
  Transfer *t;
  if (h->pool == NULL || !engine_usable(h->engine))
    return NULL;
  collect_unread(L, h);
  t = used != 0 ? transfer_handle_again(L, used) : NULL;
  return t != NULL ? t : transfer_handle_new(L);
}

int pool_handle_submit (lua_State *L, int index, int transfer, Transfer *t,
                        const char **why) {
  const PoolHandle *h = lua_touserdata(L, index);
  if (h->pool == NULL) { /* closed by a finaliser, or by a metamethod */
    *why = closed;
    return -1;
  }
  if (engine_start(h->engine, h->pool, t, why) != 0)
    return -1;
  transfer_handle_started(L, transfer, h->engine);
  return 0;
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
  Transfer *t;
  const char *why = "";
  int n;
  (void)class_check(L, 1, POOL_NAME);
  luaL_checktype(L, REQUEST_TABLE, LUA_TTABLE);
  lua_settop(L, REQUEST_LAST);
  t = pool_handle_transfer(L, 1, 0);
  if (t == NULL)
    return pool_is_closed(L);
  n = request_read(L, t);
  if (n != 0) {
    lua_pushnil(L);
    lua_insert(L, -(n + 1));
    return n + 1;
  }
  if (pool_handle_submit(L, 1, REQUEST_LAST + 1, t, &why) != 0) {
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
  }
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
