/*
** transfer_handle.h - a transfer in Lua.
*/
#ifndef POSTHOG_LLM_LUA_TRANSFER_HANDLE_H
#define POSTHOG_LLM_LUA_TRANSFER_HANDLE_H

#include "base/compat.h"
#include "net/engine.h"

#pragma GCC visibility push(hidden)

void transfer_handle_open (lua_State *L); /* registers the class */

/* Pushes a new handle, with a transfer that has yet to be filled and started.
 */
Transfer *transfer_handle_new (lua_State *L);

/* To be called once the transfer of the handle at this index is started. */
void transfer_handle_started (lua_State *L, int index, Engine *e);

#pragma GCC visibility pop

#endif
