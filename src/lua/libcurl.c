/*
** libcurl.c - the version of libcurl in use. The texts are static.
*/
#include "libcurl.h"

#include "net/curl_compat.h"
#include "net/curl_library.h"

#include <pthread.h>
#include <stdio.h>

/* libcurl fills static buffers, which the Lua states of several threads must
** not make it fill at the same time. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *default_ca;
static char version[256];

/* NB: not curl_version(), which calls libldap, which looks up the name of this
** machine in DNS: loading a module must not wait for that. */
static void ask_libcurl (void) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  default_ca = compat_default_ca();
  snprintf(version, sizeof(version), "libcurl/%s %s", info->version,
           info->ssl_version != NULL ? info->ssl_version : "without TLS");
}

void libcurl_open (lua_State *L) {
  const char *why = curl_library_open();
  if (why != NULL)
    luaL_error(L, "%s", why);
  pthread_once(&once, ask_libcurl);
  lua_pushstring(L, default_ca);
  lua_setfield(L, -2, "default_ca");
  lua_pushstring(L, version);
  lua_setfield(L, -2, "curl_version");
}
