/*
** transfer_handle.c - a transfer in Lua: a userdata with one reference to it,
** and one to the engine, whose lock it needs. Used only by Lua's thread.
*/
#include "base/class.h"

#include "transfer_handle.h"

#include "json/json.h"
#include "net/failure.h"
#include "net/engine_stream.h"
#include "net/secret.h"
#include "response_head.h"

#include <stdio.h>
#include <string.h>

#define TRANSFER_NAME "posthog.llm.transfer"

typedef struct TransferHandle {
  Engine *engine; /* NULL until it is started */
  Transfer *transfer;
  int done;  /* known to be done: nothing changes any more, even after a fork */
  int open;  /* known to be streaming: status and headers are final */
  int spent; /* decode was called: only the start of the body may be left */
  Buffer piece; /* taken from a stream, not yet returned to Lua */
} TransferHandle;

static Transfer *check_transfer (lua_State *L) {
  TransferHandle *h = class_check(L, 1, TRANSFER_NAME);
  luaL_argcheck(L, h->engine != NULL, 1, "transfer was not started");
  return h->transfer;
}

static int is_done (TransferHandle *h) {
  if (!h->done)
    h->done =
        !engine_usable(h->engine) ? 0 : engine_done(h->engine, h->transfer);
  return h->done;
}

static int is_open (TransferHandle *h) {
  if (!h->open && h->transfer->stream && engine_usable(h->engine))
    h->open = stream_is_open(h->engine, h->transfer);
  return h->open;
}

/* Raises unless status and headers are final, or the transfer failed. */
static Transfer *check_done (lua_State *L) {
  TransferHandle *h = class_check(L, 1, TRANSFER_NAME);
  luaL_argcheck(L, h->engine != NULL, 1, "transfer was not started");
  if (!is_open(h) && !is_done(h)) {
    luaL_argcheck(L, engine_usable(h->engine), 1,
                  "transfer of another process");
    luaL_argerror(L, 1, "transfer is not done");
  }
  return h->transfer;
}

Transfer *transfer_handle_new (lua_State *L) {
  TransferHandle *h = class_new(L, sizeof(*h), TRANSFER_NAME);
  h->transfer = transfer_new();
  if (h->transfer == NULL)
    luaL_error(L, "not enough memory");
  return h->transfer;
}

Transfer *transfer_handle_again (lua_State *L, int index) {
  TransferHandle *h = luaL_testudata(L, index, TRANSFER_NAME);
  if (h == NULL || h->engine == NULL || h->transfer->stream ||
      !engine_usable(h->engine) || !is_done(h) ||
      !engine_reset(h->engine, h->transfer))
    return NULL;
  engine_release(h->engine);
  h->engine = NULL;
  h->done = h->spent = 0;
  lua_pushvalue(L, index);
  return h->transfer;
}

void transfer_handle_started (lua_State *L, int index, Engine *e) {
  TransferHandle *h = lua_touserdata(L, index);
  h->engine = e;
  engine_retain(e);
}

static int transfer_gc (lua_State *L) {
  TransferHandle *h = class_check(L, 1, TRANSFER_NAME);
  Transfer *t = h->transfer;
  Engine *e = h->engine;
  h->transfer = NULL;
  h->engine = NULL;
  buffer_free(&h->piece);
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

/* transfer:done() -> boolean: whether it is done or, for a stream, whether
** there is something to read */
static int transfer_done (lua_State *L) {
  TransferHandle *h = class_check(L, 1, TRANSFER_NAME);
  Transfer *t = check_transfer(L);
  lua_pushboolean(L, is_done(h) || !engine_usable(h->engine) ||
                         engine_ready(h->engine, t));
  return 1;
}

/*
** transfer:wait() -> boolean: whether it is done and there is nothing to
** collect. If false, collect and wait again: another transfer is done too, or
** there was a signal, which Lua has to handle.
*/
static int transfer_wait (lua_State *L) {
  TransferHandle *h = class_check(L, 1, TRANSFER_NAME);
  Transfer *t = check_transfer(L);
  lua_pushboolean(L, !engine_usable(h->engine) || engine_await(h->engine, t));
  return 1;
}

/* transfer:cancel(); it is done when this returns */
static int transfer_cancel (lua_State *L) {
  TransferHandle *h = class_check(L, 1, TRANSFER_NAME);
  Transfer *t = check_transfer(L);
  engine_cancel(h->engine, t);
  return 0;
}

static void push_over_limit (lua_State *L, const char *what, const char *name,
                             size_t limit) {
  char digits[32];
  snprintf(digits, sizeof(digits), "%lu", (unsigned long)limit);
  lua_pushfstring(L, "the response %s over the limit %s (%s bytes)", what, name,
                  digits);
}

static void push_message (lua_State *L, const Transfer *t) {
  if (t->limit == LIMIT_BODY)
    push_over_limit(L, "body is", "max_response_bytes", t->config->max_body);
  else if (t->limit == LIMIT_HEADERS)
    push_over_limit(L, "headers are", "max_header_bytes",
                    t->config->max_headers);
  else if (t->limit == LIMIT_HEADER_LINE)
    lua_pushliteral(L, "a line of the response headers is over the limit of "
                       "libcurl");
  else if (t->limit == LIMIT_MEMORY)
    lua_pushliteral(L, "not enough memory for the response");
  else if (t->code == CURLE_ABORTED_BY_CALLBACK)
    lua_pushliteral(L, "the connection was lost after the request");
  else if (t->message != NULL)
    lua_pushstring(L, t->message);
  else
    lua_pushstring(L, curl_easy_strerror(t->code));
}

int transfer_handle_await (lua_State *L, int index) {
  const TransferHandle *h = lua_touserdata(L, index);
  return engine_await(h->engine, h->transfer);
}

static int push_cancelled (lua_State *L, const char *message) {
  lua_pushnil(L);
  lua_pushliteral(L, "cancelled");
  lua_pushstring(L, message);
  lua_pushboolean(L, 1);
  lua_pushboolean(L, 1);
  return 5;
}

static int push_before_fork (lua_State *L) {
  return push_cancelled(L, "the call was made before a fork");
}

static int push_failure (lua_State *L, const Transfer *t) {
  lua_pushnil(L);
  lua_pushstring(L, failure_kind(t));
  push_message(L, t);
  lua_pushboolean(L, t->sent);
  lua_pushboolean(L, failure_is_permanent(t));
  lua_pushstring(L, failure_stage(t));
  return 6;
}

/*
** transfer:result(secret?) -> status, bytes, holds_secret
**                           | nil, kind, message, sent, permanent, stage
** bytes: the size of the body after decompression; 0 for a stream.
** holds_secret: whether the response headers contain the secret, in a name or a
** value, as it is or escaped. sent: whether some byte of the request was sent,
** so that the server may have acted. permanent: whether the same request would
** fail again. stage: the step that failed, "proxy", "name_lookup", "connect",
** "tls" or "certificate"; nil: another one.
*/
static int transfer_result (lua_State *L) {
  TransferHandle *h = class_check(L, 1, TRANSFER_NAME);
  Transfer *t = check_transfer(L);
  size_t len;
  const char *secret = luaL_optlstring(L, 2, NULL, &len);
  if (!is_done(h) && !engine_usable(h->engine))
    return push_before_fork(L);
  t = check_done(L);
  if (t->cancelled) /* the engine may still own the other fields */
    return push_cancelled(L, "the call was cancelled");
  if (is_open(h) || t->code == CURLE_OK) {
    const Buffer *b = &t->header_block;
    lua_pushinteger(L, t->status);
    lua_pushinteger(L, is_open(h) ? 0 : (lua_Integer)t->response.len);
    lua_pushboolean(L, secret != NULL && b->data != NULL &&
                           secret_found(b->data, b->len, secret, len));
    return 3;
  }
  return push_failure(L, t);
}

/*
** transfer:read() -> bytes                        of a stream, in order
**                  | ""                           nothing yet: wait, read again
**                  | nil                          the end
**                  | nil, kind, message, sent, permanent, stage
*/
static int transfer_read (lua_State *L) {
  TransferHandle *h = class_check(L, 1, TRANSFER_NAME);
  Transfer *t = check_transfer(L);
  Buffer *piece = &h->piece;
  int done;
  luaL_argcheck(L, t->stream, 1, "transfer is not a stream");
  if (!engine_usable(h->engine))
    return push_before_fork(L);
  done = stream_take(h->engine, t, piece->len == 0 ? piece : NULL);
  if (piece->len > 0 && !t->cancelled) {
    lua_pushlstring(L, piece->data,
                    piece->len); /* may raise: the piece stays */
    buffer_free(piece);
    return 1;
  }
  if (!done) {
    lua_pushliteral(L, "");
    return 1;
  }
  if (t->cancelled)
    return push_cancelled(L, "the call was cancelled");
  if (t->code != CURLE_OK)
    return push_failure(L, t);
  lua_pushnil(L);
  return 1;
}

/*
** transfer:cause() -> word?, status?
** Why a transfer failed (net/failure.h), and a proxy's status for CONNECT.
*/
static int transfer_cause (lua_State *L) {
  TransferHandle *h = class_check(L, 1, TRANSFER_NAME);
  Transfer *t = check_transfer(L);
  if (!is_done(h) || (t = check_done(L))->cancelled || t->code == CURLE_OK)
    return 0;
  lua_pushstring(L, failure_cause(t)); /* nil for NULL */
  lua_pushinteger(L, (lua_Integer)t->proxy_status);
  return 2;
}

static Transfer *check_response (lua_State *L) {
  TransferHandle *h = class_check(L, 1, TRANSFER_NAME);
  Transfer *t = check_done(L);
  luaL_argcheck(L, !t->cancelled || h->open, 1, "transfer was cancelled");
  return t;
}

/* A whole body; a stream is read in pieces. */
static Transfer *check_body (lua_State *L) {
  TransferHandle *h = class_check(L, 1, TRANSFER_NAME);
  Transfer *t = check_response(L);
  luaL_argcheck(L, !h->open, 1, "transfer is a stream");
  return t;
}

/* Bytes that an excerpt may look at after its own: an escaped secret. */
#define MARGIN ((size_t)64 << 10)

/* A body that is whole. */
static Transfer *check_unspent (lua_State *L) {
  TransferHandle *h = class_check(L, 1, TRANSFER_NAME);
  Transfer *t = check_body(L);
  luaL_argcheck(L, !h->spent, 1, "the body was decoded");
  return t;
}

/* The parts of the response without the body: response_head.h. */

static int transfer_headers (lua_State *L) {
  const Buffer *block = &check_response(L)->header_block;
  return response_head_headers(L, block->data, block->len);
}

static int transfer_timings (lua_State *L) {
  return response_head_timings(L, &check_response(L)->timings);
}

static int transfer_http_version (lua_State *L) {
  return response_head_http_version(L, check_response(L)->http_version);
}

/* transfer:size() -> bytes of the body after decompression */
static int transfer_size (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_body(L)->response.len);
  return 1;
}

/* transfer:body(most?) -> string, at most that many bytes of it */
static int transfer_body (lua_State *L) {
  Transfer *t = check_unspent(L);
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
** transfer:excerpt(most, secret, replacement) -> string: the start of the body,
** with each occurrence of the secret replaced, as it is or escaped. Of a body
** that is longer than `most`, it returns a few bytes more than `most`.
*/
static int transfer_excerpt (lua_State *L) {
  Transfer *t = check_body(L);
  lua_Number most = luaL_checknumber(L, 2);
  size_t len, width;
  const char *secret = luaL_checklstring(L, 3, &len);
  const char *replacement = luaL_checklstring(L, 4, &width);
  const char *s = t->response.data != NULL ? t->response.data : "";
  const char *end = s + t->response.len, *after;
  luaL_Buffer b;
  size_t n = 0;
  luaL_argcheck(L, len > 0, 3, "empty");
  luaL_buffinit(L, &b);
  while (s < end && (lua_Number)n <= most) {
    after = secret_after(s, end, secret, len);
    if (after != NULL) {
      luaL_addlstring(&b, replacement, width);
      n += width;
      s = after;
    } else {
      luaL_addchar(&b, *s++);
      n++;
    }
  }
  luaL_pushresult(&b);
  return 1;
}

/* transfer:free_body(): frees the body before the transfer. Does nothing if the
** transfer is not done or was cancelled: then the engine owns the body and
** frees it. */
static int transfer_free_body (lua_State *L) {
  TransferHandle *h = class_check(L, 1, TRANSFER_NAME);
  Transfer *t = check_transfer(L);
  if (is_done(h) && !t->cancelled && !is_open(h))
    engine_free_body(h->engine, t);
  return 0;
}

/*
** transfer:decode(decoder, keep?) -> value | nil, message, position, limit
** Frees the body when it was decoded: the values hold copies. When it was not,
** the first `keep` bytes are left, and somewhat more, for an excerpt.
*/
static int transfer_decode (lua_State *L) {
  TransferHandle *h = class_check(L, 1, TRANSFER_NAME);
  Buffer *b = &check_unspent(L)->response;
  lua_Number most = luaL_optnumber(L, 3, 0);
  size_t keep = most < (lua_Number)b->len ? (size_t)most + MARGIN : b->len;
  int n;
  luaL_checktype(L, 2, LUA_TUSERDATA);
  h->spent = b->len >= JSON_SPENT && keep < b->len;
  if (b->data != NULL)
    n = json_decodespent(L, 2, b->data, b->len, keep);
  else
    n = json_decode(L, 2, "", 0);
  if (n == 1)
    transfer_free_body(L);
  return n;
}

void transfer_handle_check (lua_State *L, int arg) {
  const TransferHandle *h = luaL_checkudata(L, arg, TRANSFER_NAME);
  luaL_argcheck(L, h->engine != NULL, arg, "transfer was not started");
}

/* A larger body may have to be excerpted before it is decoded. */
#define MAX_PLAIN ((size_t)1 << 20)

int transfer_handle_value (lua_State *L, int index, int decoder,
                           const char *secret, size_t len) {
  TransferHandle *h = lua_touserdata(L, index);
  Transfer *t = h->transfer;
  const Buffer *body = &t->response, *headers = &t->header_block;
  int top = lua_gettop(L);
  if (!is_done(h) || t->cancelled || t->code != CURLE_OK || t->status != 200 ||
      t->stream || body->len == 0 || body->len > MAX_PLAIN || h->spent ||
      secret_found(headers->data, headers->len, secret, len))
    return 0;
  if (json_decode(L, decoder, body->data, body->len) != 1) {
    lua_settop(L, top);
    return 0;
  }
  engine_free_body(h->engine, t);
  return 1;
}

int transfer_handle_head (lua_State *L, int index) {
  const TransferHandle *h = lua_touserdata(L, index);
  return response_head_push(L, h->transfer);
}

void transfer_handle_open (lua_State *L) {
  static const luaL_Reg methods[] = {
      {"id", transfer_id},
      {"done", transfer_done},
      {"wait", transfer_wait},
      {"cancel", transfer_cancel},
      {"result", transfer_result},
      {"read", transfer_read},
      {"headers", transfer_headers},
      {"timings", transfer_timings},
      {"http_version", transfer_http_version},
      {"size", transfer_size},
      {"body", transfer_body},
      {"excerpt", transfer_excerpt},
      {"free_body", transfer_free_body},
      {"decode", transfer_decode},
      {"cause", transfer_cause},
      {NULL, NULL},
  };
  class_register(L, TRANSFER_NAME, methods, transfer_gc);
}
