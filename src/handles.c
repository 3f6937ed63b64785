#include "compat.h"

#include "handles.h"

#include "engine.h"
#include "json.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ENGINE_NAME   "posthog.llm.engine"
#define POOL_NAME     "posthog.llm.pool"
#define TRANSFER_NAME "posthog.llm.transfer"

/* Each handle exists, empty and collectable, before what it is to own. The
** reference to the engine keeps its memory, in whatever order lua_close calls
** the finalisers. */
typedef struct EngineHandle {
  Engine *engine;
} EngineHandle;

typedef struct PoolHandle {
  Engine *engine;
  Pool *pool;
} PoolHandle;

typedef struct TransferHandle {
  Engine *engine; /* NULL until it was started */
  Transfer *transfer;
} TransferHandle;

static void *new_handle (lua_State *L, size_t size, const char *name) {
  void *h = lua_newuserdata(L, size);
  memset(h, 0, size);
  luaL_getmetatable(L, name);
  lua_setmetatable(L, -2);
  return h;
}

/* {=================================================================
** Transfers
** ================================================================== */

static Transfer *check_transfer (lua_State *L) {
  TransferHandle *h = luaL_checkudata(L, 1, TRANSFER_NAME);
  luaL_argcheck(L, h->engine != NULL, 1, "transfer was not started");
  return h->transfer;
}

static Transfer *check_done (lua_State *L) {
  TransferHandle *h = luaL_checkudata(L, 1, TRANSFER_NAME);
  Transfer *t = check_transfer(L);
  luaL_argcheck(L, engine_usable(h->engine), 1, "transfer of another process");
  luaL_argcheck(L, engine_done(h->engine, t), 1, "transfer is not done");
  return t;
}

static int transfer_gc (lua_State *L) {
  TransferHandle *h = luaL_checkudata(L, 1, TRANSFER_NAME);
  Transfer *t = h->transfer;
  Engine *e = h->engine;
  h->transfer = NULL;
  h->engine = NULL;
  if (e == NULL) {
    transfer_free(t);
    return 0;
  }
  engine_drop(e, t);
  engine_release(e);
  return 0;
}

/* transfer:id() -> integer, the one that engine:collect reports */
static int transfer_id (lua_State *L) {
  Transfer *t = check_transfer(L);
  lua_pushinteger(L, (lua_Integer)t->id);
  return 1;
}

/* transfer:done() -> boolean */
static int transfer_done (lua_State *L) {
  TransferHandle *h = luaL_checkudata(L, 1, TRANSFER_NAME);
  Transfer *t = check_transfer(L);
  lua_pushboolean(L, !engine_usable(h->engine) || engine_done(h->engine, t));
  return 1;
}

/* transfer:cancel(): it is done when this returns */
static int transfer_cancel (lua_State *L) {
  TransferHandle *h = luaL_checkudata(L, 1, TRANSFER_NAME);
  Transfer *t = check_transfer(L);
  engine_cancel(h->engine, t);
  return 0;
}

static const char *kind_of (const Transfer *t) {
  if (t->limit == LIMIT_BODY || t->limit == LIMIT_HEADERS)
    return "too_large";
  switch (t->code) {
    case CURLE_OPERATION_TIMEDOUT:
      return "timeout";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_SHUTDOWN_FAILED:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return "tls";
    default:
      return "network";
  }
}

static void push_over_limit (lua_State *L, const char *what, size_t limit) {
  char digits[32];
  snprintf(digits, sizeof(digits), "%lu", (unsigned long)limit);
  lua_pushfstring(L, "the response %s is over the limit of %s bytes", what,
                  digits);
}

static void push_message (lua_State *L, const Transfer *t) {
  if (t->limit == LIMIT_BODY)
    push_over_limit(L, "body", t->max_body);
  else if (t->limit == LIMIT_HEADERS)
    push_over_limit(L, "headers", t->max_headers);
  else if (t->limit == LIMIT_MEMORY)
    lua_pushliteral(L, "not enough memory for the response");
  else if (t->once && t->requests_begun > 1)
    lua_pushliteral(L, "the connection was lost after the request");
  else if (t->errbuf[0] != '\0')
    lua_pushstring(L, t->errbuf);
  else
    lua_pushstring(L, curl_easy_strerror(t->code));
}

/*
** transfer:result() -> status | nil, kind, message, sent
** sent: some byte of the request had left, so the server may have acted.
*/
static int transfer_result (lua_State *L) {
  TransferHandle *h = luaL_checkudata(L, 1, TRANSFER_NAME);
  Transfer *t = check_transfer(L);
  if (!engine_usable(h->engine)) {
    lua_pushnil(L);
    lua_pushliteral(L, "cancelled");
    lua_pushliteral(L, "the transfer was begun before a fork");
    lua_pushboolean(L, 1);
    return 4;
  }
  t = check_done(L);
  if (!t->cancelled && t->code == CURLE_OK) {
    lua_pushinteger(L, t->status);
    return 1;
  }
  lua_pushnil(L);
  if (t->cancelled) { /* the rest is the engine's still */
    lua_pushliteral(L, "cancelled");
    lua_pushliteral(L, "the call was cancelled");
    lua_pushboolean(L, 1);
    return 4;
  }
  lua_pushstring(L, kind_of(t));
  push_message(L, t);
  lua_pushboolean(L, t->sent);
  return 4;
}

static Transfer *check_answer (lua_State *L) {
  Transfer *t = check_done(L);
  luaL_argcheck(L, !t->cancelled, 1, "transfer was cancelled");
  return t;
}

static size_t trimmed (const char **s, const char *end) {
  while (*s < end && (**s == ' ' || **s == '\t'))
    (*s)++;
  while (end > *s && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
    end--;
  return (size_t)(end - *s);
}

static void push_lower (lua_State *L, const char *s, size_t len) {
  char small[64];
  luaL_Buffer b;
  size_t i;
  if (len <= sizeof(small)) {
    for (i = 0; i < len; i++)
      small[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]);
    lua_pushlstring(L, small, len);
    return;
  }
  luaL_buffinit(L, &b);
  for (i = 0; i < len; i++)
    luaL_addchar(&b, (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]));
  luaL_pushresult(&b);
}

/* Stores one header line in the table on top; repeated ones are joined. */
static void store_header (lua_State *L, const char *line, const char *end) {
  const char *colon = memchr(line, ':', (size_t)(end - line));
  const char *value;
  size_t len;
  if (colon == NULL)
    return;
  push_lower(L, line, (size_t)(colon - line));
  value = colon + 1;
  len = trimmed(&value, end);
  lua_pushvalue(L, -1);
  lua_rawget(L, -3);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushlstring(L, value, len);
  } else {
    lua_pushliteral(L, ", ");
    lua_pushlstring(L, value, len);
    lua_concat(L, 3);
  }
  lua_rawset(L, -3);
}

/*
** transfer:headers() -> { [lower-case name] = value } of the final answer.
** RFC 9110 5.3: values of a repeated name are joined by a comma.
*/
static int transfer_headers (lua_State *L) {
  Transfer *t = check_answer(L);
  const char *s = t->header_block.data;
  const char *end = s + t->header_block.len;
  lua_createtable(L, 0, 12);
  if (s == NULL)
    return 1;
  s = memchr(s, '\n', (size_t)(end - s)); /* behind the status line */
  while (s != NULL && ++s < end) {
    const char *stop = memchr(s, '\n', (size_t)(end - s));
    store_header(L, s, stop != NULL ? stop : end);
    s = stop;
  }
  return 1;
}

static void set_seconds (lua_State *L, const char *name, curl_off_t us) {
  lua_pushnumber(L, (lua_Number)us / 1e6);
  lua_setfield(L, -2, name);
}

/* transfer:timings() -> seconds since the start of the attempt */
static int transfer_timings (lua_State *L) {
  const Timings *m = &check_answer(L)->timings;
  lua_createtable(L, 0, 5);
  set_seconds(L, "name_lookup", m->name_lookup);
  set_seconds(L, "connect", m->connect);
  set_seconds(L, "tls", m->tls);
  set_seconds(L, "first_byte", m->first_byte);
  set_seconds(L, "total", m->total);
  return 1;
}

/* transfer:http_version() -> "1.0", "1.1", "2", "3" or nil */
static int transfer_http_version (lua_State *L) {
  switch (check_answer(L)->http_version) {
    case CURL_HTTP_VERSION_1_0:
      lua_pushliteral(L, "1.0");
      break;
    case CURL_HTTP_VERSION_1_1:
      lua_pushliteral(L, "1.1");
      break;
    case CURL_HTTP_VERSION_2_0:
      lua_pushliteral(L, "2");
      break;
    case CURL_HTTP_VERSION_3:
      lua_pushliteral(L, "3");
      break;
    default:
      lua_pushnil(L);
  }
  return 1;
}

/* transfer:size() -> bytes of the body after decompression */
static int transfer_size (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_answer(L)->response.len);
  return 1;
}

/* transfer:body(most?) -> string, at most that many bytes of it */
static int transfer_body (lua_State *L) {
  Transfer *t = check_answer(L);
  size_t len = t->response.len;
  lua_Number most = luaL_optnumber(L, 2, (lua_Number)len);
  if (most < 0)
    most = 0;
  if (most < (lua_Number)len)
    len = (size_t)most;
  lua_pushlstring(L, t->response.data != NULL ? t->response.data : "", len);
  return 1;
}

/*
** transfer:decode(decoder) -> value | nil, message, position
** Frees the body when it was decoded: the values hold copies.
*/
static int transfer_decode (lua_State *L) {
  Transfer *t = check_answer(L);
  int n;
  luaL_checktype(L, 2, LUA_TUSERDATA);
  n = json_decode(L, 2, t->response.data != NULL ? t->response.data : "",
                  t->response.len);
  if (n == 1)
    buffer_free(&t->response);
  return n;
}

/* }================================================================= */

/* {=================================================================
** Requests: a table of fields becomes a transfer
** ================================================================== */

/* NB: the copy is reachable from its owner before anything else can throw. */
static void copy_string (lua_State *L, int i, const char *name, char **into,
                         int required) {
  size_t len;
  const char *s;
  lua_getfield(L, i, name);
  s = lua_tolstring(L, -1, &len);
  if (s == NULL) {
    if (required || !lua_isnil(L, -1))
      luaL_error(L, "request.%s: string expected, got %s", name,
                 luaL_typename(L, -1));
  } else {
    if (strcspn(s, "\r\n") != len)
      luaL_error(L, "request.%s: line break or zero byte", name);
    *into = malloc(len + 1);
    if (*into == NULL)
      luaL_error(L, "not enough memory");
    memcpy(*into, s, len + 1);
  }
  lua_pop(L, 1);
}

static double number_field (lua_State *L, int i, const char *name,
                            double absent) {
  double n = absent;
  lua_getfield(L, i, name);
  if (lua_type(L, -1) == LUA_TNUMBER)
    n = lua_tonumber(L, -1);
  else if (!lua_isnil(L, -1))
    luaL_error(L, "request.%s: number expected, got %s", name,
               luaL_typename(L, -1));
  lua_pop(L, 1);
  return n > 0 ? n : 0;
}

/* Seconds to milliseconds, never 0 for a positive time. */
static int64_t milliseconds (double seconds) {
  if (seconds <= 0)
    return 0;
  if (seconds > 1e6)
    return (int64_t)1000000000;
  return seconds < 0.001 ? 1 : (int64_t)(seconds * 1000);
}

static void read_headers (lua_State *L, int i, Transfer *t) {
  int n;
  lua_getfield(L, i, "headers");
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  luaL_checktype(L, -1, LUA_TTABLE);
  for (n = 1;; n++) {
    struct curl_slist *grown;
    const char *line;
    size_t len;
    lua_rawgeti(L, -1, n);
    line = lua_tolstring(L, -1, &len);
    if (line == NULL)
      break;
    if (strcspn(line, "\r\n") != len)
      luaL_error(L, "request.headers[%d]: line break or zero byte", n);
    grown = curl_slist_append(t->headers, line); /* copies */
    if (grown == NULL)
      luaL_error(L, "not enough memory");
    t->headers = grown;
    lua_pop(L, 1);
  }
  lua_pop(L, 2);
}

/* Returns 0, or what json_encode pushed. */
static int read_body (lua_State *L, int i, Transfer *t) {
  int n = 0;
  lua_getfield(L, i, "json");
  if (!lua_isnil(L, -1)) {
    n = json_encode(L, lua_gettop(L), &t->body);
    t->has_body = 1;
  }
  if (n == 0)
    lua_pop(L, 1);
  return n;
}

static void read_text (lua_State *L, int i, Transfer *t) {
  size_t len;
  const char *s;
  lua_getfield(L, i, "body");
  if (!lua_isnil(L, -1)) {
    s = luaL_checklstring(L, -1, &len);
    if (buffer_append(&t->body, s, len) != 0)
      luaL_error(L, "not enough memory");
    t->has_body = 1;
  }
  lua_pop(L, 1);
}

static void read_request (lua_State *L, int i, Transfer *t) {
  double deadline;
  copy_string(L, i, "method", &t->method, 1);
  copy_string(L, i, "url", &t->url, 1);
  copy_string(L, i, "ca_file", &t->ca_file, 0);
  copy_string(L, i, "proxy", &t->proxy, 0);
  copy_string(L, i, "no_proxy", &t->no_proxy, 0);
  read_headers(L, i, t);
  t->timeout_ms = (long)milliseconds(number_field(L, i, "timeout", 0));
  t->connect_timeout_ms =
      (long)milliseconds(number_field(L, i, "connect_timeout", 0));
  deadline = number_field(L, i, "deadline", 0);
  t->expires_ms = deadline > 0 ? engine_now_ms() + milliseconds(deadline) : 0;
  t->max_body = (size_t)number_field(L, i, "max_response_bytes", 64 << 20);
  t->max_headers = (size_t)number_field(L, i, "max_header_bytes", 256 << 10);
  t->max_connections = (int)number_field(L, i, "max_connections", 8);
  if (t->max_connections < 1)
    t->max_connections = 1;
  lua_getfield(L, i, "once");
  t->once = lua_toboolean(L, -1);
  lua_pop(L, 1);
}

/* }================================================================= */

/* {=================================================================
** Pools
** ================================================================== */

static int pool_gc (lua_State *L) {
  PoolHandle *h = luaL_checkudata(L, 1, POOL_NAME);
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

/*
** pool:start(request) -> transfer | nil, message, path
** request: method, url, headers (list of "Name: value"), json (a value) or
** body (text), timeout, connect_timeout, deadline (seconds from now),
** max_response_bytes, max_header_bytes, max_connections, ca_file, proxy,
** no_proxy, once. Fails when the value cannot be encoded (path tells where),
** when the pool is closed, or without a thread.
*/
static int pool_start_request (lua_State *L) {
  PoolHandle *h = luaL_checkudata(L, 1, POOL_NAME);
  TransferHandle *th;
  const char *why = "";
  int n;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  if (h->pool == NULL || !engine_usable(h->engine)) {
    lua_pushnil(L);
    lua_pushliteral(L, "the pool is closed");
    return 2;
  }
  th = new_handle(L, sizeof(*th), TRANSFER_NAME);
  th->transfer = transfer_new();
  if (th->transfer == NULL)
    return luaL_error(L, "not enough memory");
  read_request(L, 2, th->transfer);
  read_text(L, 2, th->transfer);
  n = read_body(L, 2, th->transfer);
  if (n != 0) {
    lua_pushnil(L);
    lua_insert(L, -(n + 1));
    return n + 1;
  }
  if (engine_start(h->engine, h->pool, th->transfer, &why) != 0) {
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
  }
  th->engine = h->engine;
  engine_retain(th->engine);
  lua_settop(L, 3);
  return 1;
}

/* }================================================================= */

/* {=================================================================
** The engine
** ================================================================== */

static Engine *check_engine (lua_State *L) {
  EngineHandle *h = luaL_checkudata(L, 1, ENGINE_NAME);
  luaL_argcheck(L, h->engine != NULL, 1, "engine is closed");
  return h->engine;
}

static int engine_gc (lua_State *L) {
  EngineHandle *h = luaL_checkudata(L, 1, ENGINE_NAME);
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
  Engine *e = check_engine(L);
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
  int most_ms = seconds < 0 ? -1 : (int)milliseconds(seconds);
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
  Engine *e = check_engine(L);
  PoolHandle *h = new_handle(L, sizeof(*h), POOL_NAME);
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
  h = new_handle(L, sizeof(*h), ENGINE_NAME);
  h->engine = engine_new(&why);
  if (h->engine == NULL)
    return luaL_error(L, "cannot start the engine: %s", why);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, ENGINE_NAME ".current");
  return 1;
}

/* core.now() -> seconds on a clock that never jumps */
static int core_now (lua_State *L) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  lua_pushnumber(L, (lua_Number)t.tv_sec + (lua_Number)t.tv_nsec / 1e9);
  return 1;
}

/* core.sleep(seconds): may end early by a signal */
static int core_sleep (lua_State *L) {
  double seconds = luaL_checknumber(L, 1);
  if (seconds > 0)
    poll(NULL, 0, (int)milliseconds(seconds));
  return 0;
}

/* }================================================================= */

static void new_class (lua_State *L, const char *name, const luaL_Reg *methods,
                       lua_CFunction gc) {
  luaL_newmetatable(L, name);
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__close");
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  lua_pushliteral(L, "protected"); /* getmetatable must not reach __gc */
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

void handles_open (lua_State *L) {
  static const luaL_Reg transfer_methods[] = {
      {"id", transfer_id},
      {"done", transfer_done},
      {"cancel", transfer_cancel},
      {"result", transfer_result},
      {"headers", transfer_headers},
      {"timings", transfer_timings},
      {"http_version", transfer_http_version},
      {"size", transfer_size},
      {"body", transfer_body},
      {"decode", transfer_decode},
      {NULL, NULL},
  };
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
  new_class(L, TRANSFER_NAME, transfer_methods, transfer_gc);
  new_class(L, POOL_NAME, pool_methods, pool_gc);
  new_class(L, ENGINE_NAME, engine_methods, engine_gc);
  luaL_setfuncs(L, functions, 0);
  lua_pushstring(L, compat_default_ca());
  lua_setfield(L, -2, "default_ca");
  lua_pushstring(L, curl_version());
  lua_setfield(L, -2, "curl_version");
}
