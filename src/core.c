/*
** core.c - the module table posthog.llm.core: what Lua sees of the C side.
*/
#include "compat.h"
#include "json.h"

POSTHOG_LLM_API int luaopen_posthog_llm_core (lua_State *L);

int luaopen_posthog_llm_core (lua_State *L) {
  lua_newtable(L);
  json_open(L);
  return 1;
}
