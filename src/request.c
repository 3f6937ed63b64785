#include "compat.h"

#include "request.h"

#include "engine.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

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

int64_t request_milliseconds (double seconds) {
  if (!(seconds > 0)) /* not a number, too */
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
static int read_json (lua_State *L, int i, Transfer *t) {
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

int request_read (lua_State *L, int i, Transfer *t) {
  double deadline;
  copy_string(L, i, "method", &t->method, 1);
  copy_string(L, i, "url", &t->url, 1);
  copy_string(L, i, "ca_file", &t->ca_file, 0);
  copy_string(L, i, "proxy", &t->proxy, 0);
  copy_string(L, i, "no_proxy", &t->no_proxy, 0);
  read_headers(L, i, t);
  t->timeout_ms = (long)request_milliseconds(number_field(L, i, "timeout", 0));
  t->connect_timeout_ms =
      (long)request_milliseconds(number_field(L, i, "connect_timeout", 0));
  deadline = number_field(L, i, "deadline", 0);
  t->expires_ms =
      deadline > 0 ? engine_now_ms() + request_milliseconds(deadline) : 0;
  t->max_body = (size_t)number_field(L, i, "max_response_bytes", 64 << 20);
  t->max_headers = (size_t)number_field(L, i, "max_header_bytes", 256 << 10);
  t->max_connections = (int)number_field(L, i, "max_connections", 8);
  if (t->max_connections < 1)
    t->max_connections = 1;
  lua_getfield(L, i, "once");
  t->once = lua_toboolean(L, -1);
  lua_pop(L, 1);
  read_text(L, i, t);
  return read_json(L, i, t);
}
