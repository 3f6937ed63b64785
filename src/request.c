#include "compat.h"

#include "request.h"

#include "engine.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MOST_SECONDS     1e6 /* eleven days, for ever: fits an int as ms */
#define MOST_BYTES       ((double)(SIZE_MAX / 4))
#define MOST_CONNECTIONS 10000

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

/* A number from 0 to most, absent when the field is. */
static double number_field (lua_State *L, int i, const char *name,
                            double absent, double most) {
  double n = absent;
  lua_getfield(L, i, name);
  if (lua_type(L, -1) == LUA_TNUMBER)
    n = lua_tonumber(L, -1);
  else if (!lua_isnil(L, -1))
    luaL_error(L, "request.%s: number expected, got %s", name,
               luaL_typename(L, -1));
  lua_pop(L, 1);
  if (!(n > 0)) /* not a number, too */
    return 0;
  return n < most ? n : most;
}

int64_t request_milliseconds (double seconds) {
  if (!(seconds > 0)) /* not a number, too */
    return 0;
  if (seconds > MOST_SECONDS)
    seconds = MOST_SECONDS;
  return seconds < 0.001 ? 1 : (int64_t)(seconds * 1000);
}

/* "Name: value", "Name;" for an empty value, or "Name:" to send none of what
** libcurl would add by itself. */
static void add_header (lua_State *L, Transfer *t, const char *line) {
  struct curl_slist *grown = curl_slist_append(t->headers, line); /* copies */
  if (grown == NULL)
    luaL_error(L, "not enough memory");
  t->headers = grown;
}

static void read_headers (lua_State *L, int i, Transfer *t) {
  int n;
  lua_getfield(L, i, "headers");
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  if (!lua_istable(L, -1))
    luaL_error(L, "request.headers: table expected, got %s",
               luaL_typename(L, -1));
  for (n = 1; lua_rawgeti(L, -1, n), !lua_isnil(L, -1); n++) {
    size_t len;
    const char *line = lua_tolstring(L, -1, &len);
    if (line == NULL)
      luaL_error(L, "request.headers[%d]: string expected, got %s", n,
                 luaL_typename(L, -1));
    if (strcspn(line, "\r\n") != len)
      luaL_error(L, "request.headers[%d]: line break or zero byte", n);
    add_header(L, t, line);
    lua_pop(L, 1);
  }
  lua_pop(L, 2);
}

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

/* RFC 9110 8.6: a method that is about a body says so when there is none. And
** libcurl would call any body a form. */
static void complete_body (lua_State *L, Transfer *t) {
  if (strcmp(t->method, "POST") == 0 || strcmp(t->method, "PUT") == 0 ||
      strcmp(t->method, "PATCH") == 0)
    t->has_body = 1;
  if (t->has_body && !names_content_type(t->headers))
    add_header(L, t, "Content-Type:");
}

/* Returns 0, or what json_encode pushed. */
static int read_json (lua_State *L, int i, Transfer *t) {
  int n = 0;
  lua_getfield(L, i, "json");
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

static void read_text (lua_State *L, int i, Transfer *t) {
  size_t len;
  const char *s;
  lua_getfield(L, i, "body");
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

int request_read (lua_State *L, int i, int defaults, Transfer *t) {
  double left;
  int n;
  copy_string(L, i, "method", &t->method, 1);
  copy_string(L, i, "url", &t->url, 1);
  copy_string(L, defaults, "ca_file", &t->ca_file, 0);
  copy_string(L, defaults, "proxy", &t->proxy, 0);
  copy_string(L, defaults, "no_proxy", &t->no_proxy, 0);
  read_headers(L, i, t);
  t->timeout_ms = (long)request_milliseconds(
      number_field(L, i, "timeout", 0, MOST_SECONDS));
  t->connect_timeout_ms = (long)request_milliseconds(
      number_field(L, defaults, "connect_timeout", 0, MOST_SECONDS));
  left = number_field(L, i, "deadline", MOST_SECONDS, MOST_SECONDS);
  t->made_ms = engine_now_ms();
  if (left < MOST_SECONDS)
    t->expires_ms = t->made_ms + request_milliseconds(left);
  t->max_body = (size_t)number_field(L, defaults, "max_response_bytes",
                                     64 << 20, MOST_BYTES);
  t->max_headers = (size_t)number_field(L, defaults, "max_header_bytes",
                                        256 << 10, MOST_BYTES);
  t->max_connections =
      (int)number_field(L, defaults, "max_connections", 8, MOST_CONNECTIONS);
  if (t->max_connections < 1)
    t->max_connections = 1;
  lua_getfield(L, i, "once");
  t->once = lua_toboolean(L, -1);
  lua_pop(L, 1);
  read_text(L, i, t);
  n = read_json(L, i, t);
  if (n == 0)
    complete_body(L, t);
  return n;
}
