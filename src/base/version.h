/*
** version.h - the version of the core and the Lua it is built for. The text is
** also searched for in the file itself, when another Lua cannot load it.
*/
#ifndef POSTHOG_LLM_BASE_VERSION_H
#define POSTHOG_LLM_BASE_VERSION_H

#include "compat.h"

/*
** The release, as lua/posthog/llm/util/version.lua has it, and the number of
** the interface: of the names, arguments and results that Lua sees of the
** core. It goes up by one with each change of those, through all releases.
** lua/posthog/llm/util/core.lua has the same and accepts no other core.
*/
#define CORE_VERSION "0.1.0+10"

#if defined(LUA_LJDIR)
#define CORE_LUA "LuaJIT"
#else
#define CORE_LUA LUA_VERSION
#endif

#define CORE_BUILD "posthog-llm core " CORE_VERSION " for " CORE_LUA

#endif
