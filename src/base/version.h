/*
** version.h - which core this is, and for which Lua. The text stands in the
** file as it is, where it can be read when another Lua cannot load it.
*/
#ifndef POSTHOG_LLM_BASE_VERSION_H
#define POSTHOG_LLM_BASE_VERSION_H

#include "compat.h"

/*
** The release, and how often since what Lua sees of the core has changed. The
** same as in lua/posthog/llm/util/core.lua, which takes no other.
*/
#define CORE_VERSION "0.1.0-6"

#if defined(LUA_LJDIR)
#define CORE_LUA "LuaJIT"
#else
#define CORE_LUA LUA_VERSION
#endif

#define CORE_BUILD "posthog-llm core " CORE_VERSION " for " CORE_LUA

#endif
