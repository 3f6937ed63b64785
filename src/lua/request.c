/*
** request.c - reads a request from Lua into a transfer, which Lua's thread owns
** until it is started.
*/
#include "base/clock.h"

#include "request.h"

#include "arguments.h"
#include "json/json.h"
#include "request_config_handle.h"

#include <string.h>
#include <strings.h>

static int names_content_type (const struct curl_slist *line) {
  static const char name[] = "content-type";
  const size_t len = sizeof(name) - 1;
  for (; line != NULL; line = line->next) {
    if (strncasecmp(line->data, name, len) == 0 &&
        (line->data[len] == ':' || line->data[len] == ';'))
      return 1;
  }
  return 0;
}

/* Gives the transfer header lines of its own: a copy of those of the config. */
static void own_headers (lua_State *L, Transfer *t) {
  const struct curl_slist *line;
  if (t->headers != NULL)
    return;
  for (line = transfer_lines(t); line != NULL; line = line->next)
    argument_header(L, &t->headers, line->data);
}

/* RFC 9110 8.6: a request with such a method has a Content-Length even without
** a body. Content-Type: libcurl would declare any body as a form. */
static void complete_body (lua_State *L, Transfer *t) {
  if (strcmp(t->method, "POST") == 0 || strcmp(t->method, "PUT") == 0 ||
      strcmp(t->method, "PATCH") == 0)
    t->has_body = 1;
  if (t->has_body && !names_content_type(transfer_lines(t))) {
    own_headers(L, t);
    argument_header(L, &t->headers, "Content-Type:");
  }
}

/* Returns 0, or what json_encode pushed. */
static int read_json (lua_State *L, Transfer *t) {
  int n = 0;
  lua_getfield(L, REQUEST_TABLE, "json");
  if (!lua_isnil(L, -1)) {
    if (t->has_body)
      luaL_error(L, "request.json: there is a body already");
    n = json_encode(L, lua_gettop(L), &t->body);
    t->has_body = 1;
  }
  if (n == 0)
    lua_pop(L, 1);
  return n;
}

static void read_text (lua_State *L, Transfer *t) {
  size_t len;
  const char *s;
  lua_getfield(L, REQUEST_TABLE, "body");
  if (!lua_isnil(L, -1)) {
    s = lua_tolstring(L, -1, &len);
    if (s == NULL)
      luaL_error(L, "request.body: string expected, got %s",
                 luaL_typename(L, -1));
    if (buffer_append(&t->body, s, len) != 0)
      luaL_error(L, "not enough memory");
    t->has_body = 1;
  }
  lua_pop(L, 1);
}

static void read_times (lua_State *L, Transfer *t) {
  double left = argument_number(L, REQUEST_DEADLINE, "deadline",
                                CLOCK_MAX_SECONDS, CLOCK_MAX_SECONDS);
  t->timeout_ms = (long)clock_length_ms(
      argument_number(L, REQUEST_TIMEOUT, "timeout", 0, CLOCK_MAX_SECONDS));
  t->made_ms = clock_ms();
  if (left < CLOCK_MAX_SECONDS)
    t->expires_ms = t->made_ms + clock_length_ms(left);
}

/* Whether a method only reads, so that it does not matter how often libcurl
** sends it. */
static int reads (const char *method) {
  return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
         strcmp(method, "OPTIONS") == 0;
}

int request_read (lua_State *L, Transfer *t) {
  int n;
  t->config = request_config_handle_check(L, REQUEST_CONFIG);
  request_config_retain(t->config);
  argument_string(L, REQUEST_URL, "url", &t->url);
  lua_getfield(L, REQUEST_TABLE, "method");
  argument_string(L, -1, "method", &t->own_method);
  t->method = t->own_method;
  lua_getfield(L, REQUEST_TABLE, "idempotent");
  t->once = !lua_toboolean(L, -1) || !reads(t->method);
  lua_getfield(L, REQUEST_TABLE, "stream");
  t->stream = lua_toboolean(L, -1);
  lua_pop(L, 3);
  read_times(L, t);
  argument_headers(L, REQUEST_HEADERS, &t->headers);
  read_text(L, t);
  n = read_json(L, t);
  if (n == 0)
    complete_body(L, t);
  return n;
}
