/*
** request_config_handle.c - the request config in Lua: a userdata with one
** reference to it. Reads the settings and header lines from Lua.
*/
#include "base/class.h"
#include "base/clock.h"

#include "request_config_handle.h"

#include "arguments.h"

#include <stdint.h>

#define REQUEST_CONFIG_NAME "posthog.llm.request_config"
#define MAX_BYTES           ((double)(SIZE_MAX / 4))
#define MAX_CONNECTIONS     10000

typedef struct RequestConfigHandle {
  RequestConfig *config;
} RequestConfigHandle;

static int request_config_gc (lua_State *L) {
  RequestConfigHandle *h = class_check(L, 1, REQUEST_CONFIG_NAME);
  RequestConfig *config = h->config;
  h->config = NULL;
  request_config_release(config);
  return 0;
}

static void read_string (lua_State *L, const char *name, char **into) {
  lua_getfield(L, 1, name);
  if (!lua_isnil(L, -1))
    argument_string(L, -1, name, into);
  lua_pop(L, 1);
}

static double read_number (lua_State *L, const char *name, double absent,
                           double most) {
  double n;
  lua_getfield(L, 1, name);
  n = argument_number(L, -1, name, absent, most);
  lua_pop(L, 1);
  return n;
}

/*
** core.request_config(settings, headers?) -> config
** settings: connect_timeout (seconds), max_response_bytes, max_header_bytes,
** max_connections, ca_file, proxy, no_proxy. headers: a list of
** "Name: value", "Name;" for an empty value, or "Name:" to leave out a field
** that libcurl would add.
*/
static int core_request_config (lua_State *L) {
  RequestConfigHandle *h;
  RequestConfig *config;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  h = class_new(L, sizeof(*h), REQUEST_CONFIG_NAME);
  h->config = config = request_config_new();
  if (config == NULL)
    return luaL_error(L, "not enough memory");
  read_string(L, "ca_file", &config->ca_file);
  read_string(L, "proxy", &config->proxy);
  read_string(L, "no_proxy", &config->no_proxy);
  config->connect_timeout_ms = (long)clock_length_ms(
      read_number(L, "connect_timeout", 0, CLOCK_MAX_SECONDS));
  config->max_body =
      (size_t)read_number(L, "max_response_bytes", 64 << 20, MAX_BYTES);
  config->max_headers =
      (size_t)read_number(L, "max_header_bytes", 256 << 10, MAX_BYTES);
  config->max_connections =
      (int)read_number(L, "max_connections", 8, MAX_CONNECTIONS);
  if (config->max_connections < 1)
    config->max_connections = 1;
  if (request_config_accept(config) != 0)
    return luaL_error(L, "not enough memory");
  argument_headers(L, 2, &config->headers);
  return 1;
}

RequestConfig *request_config_handle_check (lua_State *L, int arg) {
  RequestConfigHandle *h = luaL_checkudata(L, arg, REQUEST_CONFIG_NAME);
  luaL_argcheck(L, h->config != NULL, arg, "request config that was closed");
  return h->config;
}

RequestConfig *request_config_handle_get (lua_State *L, int index) {
  const RequestConfigHandle *h = lua_touserdata(L, index);
  return h->config;
}

void request_config_handle_open (lua_State *L) {
  static const luaL_Reg methods[] = {{NULL, NULL}};
  class_register(L, REQUEST_CONFIG_NAME, methods, request_config_gc);
  lua_pushcfunction(L, core_request_config);
  lua_setfield(L, -2, "request_config");
}
