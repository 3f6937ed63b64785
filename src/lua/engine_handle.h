/*
** engine_handle.h - the engine in Lua.
*/
#ifndef POSTHOG_LLM_LUA_ENGINE_HANDLE_H
#define POSTHOG_LLM_LUA_ENGINE_HANDLE_H

#include "base/compat.h"
#include "net/engine.h"

#pragma GCC visibility push(hidden)

/* Adds engine() to the module table on top of the stack. */
void engine_handle_open (lua_State *L);

/* The engine of an argument; raises if it is no engine, or closed. */
Engine *engine_handle_check (lua_State *L, int arg);

#pragma GCC visibility pop

#endif
