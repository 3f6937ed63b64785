/*
** core.c - the module table posthog.llm.core: what Lua sees of the C side.
*/
#if defined(__linux__)
#define _GNU_SOURCE /* dladdr */
#endif

#include "base/compat.h"
#include "base/version.h"

#include "lua/wakeup_socket_handle.h"
#include "os/files.h"
#include "lua/handles.h"
#include "json/json.h"
#include "os/lock.h"
#include "net/secret.h"
#include "os/sha256.h"
#include "os/terminal.h"
#include "lua/request_config.h"
#include "net/url.h"

#include <dlfcn.h>

POSTHOG_LLM_API int luaopen_posthog_llm_core (lua_State *L);

/*
** A resolver thread of libcurl may outlive lua_close, which unloads modules:
** keep this one, and with it libcurl. The Makefile links with -z nodelete;
** other ways of building end here.
*/
static void pin (void) {
#if defined(RTLD_NODELETE) && defined(__linux__)
  static const char here = 0;
  Dl_info info;
  if (dladdr(&here, &info) != 0 && info.dli_fname != NULL)
    (void)dlopen(info.dli_fname, RTLD_NOW | RTLD_NODELETE); /* never closed */
#endif
}

int luaopen_posthog_llm_core (lua_State *L) {
  compat_checkversion(L);
  pin();
  lua_newtable(L);
  json_open(L);
  handles_open(L);
  request_config_open(L);
  wakeup_socket_open(L);
  files_open(L);
  lock_open(L);
  sha256_open(L);
  terminal_open(L);
  lua_pushcfunction(L, url_escape);
  lua_setfield(L, -2, "escape");
  lua_pushcfunction(L, secret_holds);
  lua_setfield(L, -2, "holds");
  lua_pushliteral(L, CORE_BUILD);
  lua_setfield(L, -2, "BUILD");
  return 1;
}
