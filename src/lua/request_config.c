#include "base/compat.h"

#include "request_config.h"

#include "arguments.h"
#include "handles.h"

#include <stdint.h>
#include <stdlib.h>

#define REQUEST_CONFIG_NAME "posthog.llm.request_config"
#define MOST_BYTES          ((double)(SIZE_MAX / 4))
#define MOST_CONNECTIONS    10000

typedef struct RequestConfigHandle {
  RequestConfig *config;
} RequestConfigHandle;

void request_config_retain (RequestConfig *config) {
  __atomic_fetch_add(&config->refs, 1, __ATOMIC_RELAXED);
}

void request_config_release (RequestConfig *config) {
  if (config == NULL ||
      __atomic_fetch_sub(&config->refs, 1, __ATOMIC_ACQ_REL) > 1)
    return;
  free(config->ca_file);
  free(config->proxy);
  free(config->no_proxy);
  curl_slist_free_all(config->headers);
  free(config);
}

static int request_config_gc (lua_State *L) {
  RequestConfigHandle *h = handles_check(L, 1, REQUEST_CONFIG_NAME);
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
** "Name: value", "Name;" for an empty value, or "Name:" to send none of what
** libcurl would add by itself.
*/
static int core_request_config (lua_State *L) {
  RequestConfigHandle *h;
  RequestConfig *config;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  h = handles_new(L, sizeof(*h), REQUEST_CONFIG_NAME);
  h->config = config = calloc(1, sizeof(*config));
  if (config == NULL)
    return luaL_error(L, "not enough memory");
  config->refs = 1;
  read_string(L, "ca_file", &config->ca_file);
  read_string(L, "proxy", &config->proxy);
  read_string(L, "no_proxy", &config->no_proxy);
  config->connect_timeout_ms = (long)argument_milliseconds(
      read_number(L, "connect_timeout", 0, ARGUMENT_MOST_SECONDS));
  config->max_body =
      (size_t)read_number(L, "max_response_bytes", 64 << 20, MOST_BYTES);
  config->max_headers =
      (size_t)read_number(L, "max_header_bytes", 256 << 10, MOST_BYTES);
  config->max_connections =
      (int)read_number(L, "max_connections", 8, MOST_CONNECTIONS);
  if (config->max_connections < 1)
    config->max_connections = 1;
  argument_headers(L, 2, &config->headers);
  return 1;
}

RequestConfig *request_config_check (lua_State *L, int arg) {
  RequestConfigHandle *h = luaL_checkudata(L, arg, REQUEST_CONFIG_NAME);
  luaL_argcheck(L, h->config != NULL, arg, "request config that was closed");
  return h->config;
}

void request_config_open (lua_State *L) {
  static const luaL_Reg methods[] = {{NULL, NULL}};
  handles_class(L, REQUEST_CONFIG_NAME, methods, request_config_gc);
  lua_pushcfunction(L, core_request_config);
  lua_setfield(L, -2, "request_config");
}
