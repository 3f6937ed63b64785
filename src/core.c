/*
** core.c - the module posthog.llm.core: the functions that Lua calls.
*/
#if defined(__linux__)
#define _GNU_SOURCE /* dladdr */
#endif

#include "base/compat.h"
#include "base/version.h"

#include "json/json.h"
#include "lua/direct_get.h"
#include "lua/engine_handle.h"
#include "lua/libcurl.h"
#include "lua/pool_handle.h"
#include "lua/request_config_handle.h"
#include "lua/response_head.h"
#include "lua/text.h"
#include "lua/transfer_handle.h"
#include "lua/wakeup_socket_handle.h"
#include "os/files.h"
#include "os/lock.h"
#include "os/sha256.h"
#include "os/terminal.h"
#include "os/waiting.h"

#include <dlfcn.h>

POSTHOG_LLM_API int luaopen_posthog_llm_core (lua_State *L);

/*
** Keeps this module, and with it libcurl, in memory: a resolver thread of
** libcurl may outlive lua_close, which unloads modules. The Makefile links
** with -z nodelete; this is for other ways of building.
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
  transfer_handle_open(L);
  response_head_open(L);
  pool_handle_open(L);
  engine_handle_open(L);
  request_config_handle_open(L);
  direct_get_open(L);
  wakeup_socket_handle_open(L);
  libcurl_open(L);
  text_open(L);
  files_open(L);
  lock_open(L);
  sha256_open(L);
  terminal_open(L);
  waiting_open(L);
  lua_pushliteral(L, CORE_BUILD);
  lua_setfield(L, -2, "BUILD");
  return 1;
}
