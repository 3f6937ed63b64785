/*
** direct_get.c - plain reads in one step: a GET without a body, of which the
** response is a 200, and its body is decoded. What belongs to a client is
** checked once, and kept in the upvalues of three functions, which keep it
** alive: a call passes a URL. Everything but the plain outcome is left to the
** caller, with the transfer, from which all that the core knows of it can be
** read. Used only by Lua's thread.
*/
#include "base/clock.h"

#include "direct_get.h"

#include "json/json.h"
#include "net/secret.h"
#include "pool_handle.h"
#include "request_config_handle.h"
#include "transfer_handle.h"

#include <stdlib.h>
#include <string.h>

/* The upvalues, as they are the arguments of core.direct_get. */
enum { DIRECT_POOL = 1, DIRECT_CONFIG, DIRECT_DECODER, DIRECT_SETTINGS };

#define UPVALUES DIRECT_SETTINGS

typedef struct Settings {
  long timeout_ms;
  int64_t deadline_ms;
  size_t key_len;
  char key[1]; /* in fact key_len bytes */
} Settings;

static const Settings *settings_of (lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(DIRECT_SETTINGS));
}

static char *copied (lua_State *L, const char *text, size_t len) {
  char *copy = malloc(len + 1);
  if (copy == NULL)
    luaL_error(L, "not enough memory");
  else
    memcpy(copy, text, len + 1);
  return copy;
}

/* The arguments of a function, and what it has on its stack. */
enum { URL = 1, USED, TRANSFER };

/*
** Starts the request for the URL and pushes its transfer, which is USED if that
** can be used again. Returns 0 when nothing was started.
*/
static int begin (lua_State *L) {
  const Settings *s = settings_of(L);
  const char *why;
  size_t len;
  const char *url = luaL_checklstring(L, URL, &len);
  RequestConfig *config;
  Transfer *t;
  lua_settop(L, USED);
  if (strcspn(url, "\r\n") != len || secret_found(url, len, s->key, s->key_len))
    return 0;
  t = pool_handle_transfer(L, lua_upvalueindex(DIRECT_POOL), USED);
  if (t == NULL)
    return 0;
  config = request_config_handle_get(L, lua_upvalueindex(DIRECT_CONFIG));
  if (config == NULL)
    return 0;
  t->config = config;
  request_config_retain(config);
  t->url = copied(L, url, len);
  t->method = "GET";
  t->timeout_ms = s->timeout_ms;
  t->made_ms = clock_ms();
  t->expires_ms = t->made_ms + s->deadline_ms;
  return pool_handle_submit(L, lua_upvalueindex(DIRECT_POOL), TRANSFER, t,
                            &why) == 0;
}

/* Pushes the value of the response to the transfer at this index, or nil. */
static void push_value (lua_State *L, int transfer) {
  const Settings *s = settings_of(L);
  if (!transfer_handle_value(L, transfer, lua_upvalueindex(DIRECT_DECODER),
                             s->key, s->key_len))
    lua_pushnil(L);
}

/*
** get(url, used?)
**   -> value, transfer, head   a 200 with JSON, and no secret in its headers
**    | value, transfer         the same, with headers too large for a head
**    | nil, transfer           anything else; it need not be done
**    | nil                     nothing was started
** Waits for the response. head: a copy of all but the body, so that the caller
** may give the transfer back, as `used`, once it has no other use for it.
** Until Lua's collector comes to it, which may be hundreds of calls later, a
** transfer holds memory that has left the processor's caches by then.
*/
static int direct_get (lua_State *L) {
  if (!begin(L)) {
    lua_pushnil(L);
    return 1;
  }
  if (!transfer_handle_await(L, TRANSFER)) {
    lua_pushnil(L);
    lua_insert(L, TRANSFER);
    return 2;
  }
  push_value(L, TRANSFER);
  lua_insert(L, TRANSFER);
  if (lua_isnil(L, TRANSFER) || !transfer_handle_head(L, TRANSFER + 1))
    return 2;
  return 3;
}

/* start(url) -> transfer | nil, nothing was started */
static int direct_start (lua_State *L) {
  if (!begin(L))
    lua_pushnil(L);
  return 1;
}

/* value(transfer) -> value | nil, as get */
static int direct_value (lua_State *L) {
  transfer_handle_check(L, 1);
  lua_settop(L, 1);
  push_value(L, 1);
  return 1;
}

static double seconds (lua_State *L, int arg) {
  double n = luaL_checknumber(L, arg);
  luaL_argcheck(L, n > 0, arg, "not above zero");
  return n;
}

/*
** core.direct_get(pool, config, decoder, key, timeout, deadline)
**   -> get, start, value
** config: without a body's headers, and with the key in them; key: not empty;
** it is copied, so that it is no Lua value of these functions. timeout and
** deadline: seconds.
*/
static int core_direct_get (lua_State *L) {
  static const lua_CFunction functions[] = {direct_get, direct_start,
                                            direct_value};
  Settings *s;
  size_t i, len;
  const char *key = luaL_checklstring(L, 4, &len);
  int64_t timeout_ms = clock_length_ms(seconds(L, 5));
  int64_t deadline_ms = clock_length_ms(seconds(L, 6));
  pool_handle_check(L, DIRECT_POOL);
  (void)request_config_handle_check(L, DIRECT_CONFIG);
  json_check_decoder(L, DIRECT_DECODER);
  luaL_argcheck(L, len > 0, 4, "empty");
  s = lua_newuserdata(L, sizeof(*s) + len);
  s->timeout_ms = (long)timeout_ms;
  s->deadline_ms = deadline_ms;
  s->key_len = len;
  memcpy(s->key, key, len);
  lua_replace(L, DIRECT_SETTINGS);
  lua_settop(L, UPVALUES);
  for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
    int n;
    for (n = 1; n <= UPVALUES; n++)
      lua_pushvalue(L, n);
    lua_pushcclosure(L, functions[i], UPVALUES);
  }
  return 3;
}

void direct_get_open (lua_State *L) {
  lua_pushcfunction(L, core_direct_get);
  lua_setfield(L, -2, "direct_get");
}
