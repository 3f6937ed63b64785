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
** transfer:headers() -> { [lower-case name] = value } of the final response.
** RFC 9110 5.3: values of a repeated name are joined by a comma.
*/
static int transfer_headers (lua_State *L) {
  Transfer *t = check_response(L);
  const char *s = t->header_block.data, *end;
  lua_createtable(L, 0, 12);
  if (s == NULL)
    return 1;
  end = s + t->header_block.len;
  s = memchr(s, '\n', (size_t)(end - s)); /* after the status line */
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
  const Timings *m = &check_response(L)->timings;
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
  switch (check_response(L)->http_version) {
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
