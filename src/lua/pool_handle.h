/*
** pool_handle.h - a pool in Lua.
*/
#ifndef POSTHOG_LLM_LUA_POOL_HANDLE_H
#define POSTHOG_LLM_LUA_POOL_HANDLE_H

#include "base/compat.h"
#include "net/engine.h"

#pragma GCC visibility push(hidden)

void pool_handle_open (lua_State *L); /* registers the class */

/* Pushes a new pool of the engine. */
void pool_handle_new (lua_State *L, Engine *e);

#pragma GCC visibility pop

#endif
