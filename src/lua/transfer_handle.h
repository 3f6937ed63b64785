/*
** transfer_handle.h - a transfer as Lua sees it.
*/
#ifndef POSTHOG_LLM_LUA_TRANSFER_HANDLE_H
#define POSTHOG_LLM_LUA_TRANSFER_HANDLE_H

#include "base/compat.h"
#include "net/engine.h"

#pragma GCC visibility push(hidden)

void transfer_handle_open (lua_State *L); /* registers the class */

/* Pushes a new one, for a transfer that is still to be filled and started. */
Transfer *transfer_handle_new (lua_State *L);

/* The transfer of the handle at this index has been started. */
void transfer_handle_started (lua_State *L, int index, Engine *e);

#pragma GCC visibility pop

#endif
