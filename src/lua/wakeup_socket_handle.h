/*
** wakeup_socket_handle.h - the wake-up socket in Lua.
*/
#ifndef POSTHOG_LLM_LUA_WAKEUP_SOCKET_HANDLE_H
#define POSTHOG_LLM_LUA_WAKEUP_SOCKET_HANDLE_H

#include "base/compat.h"

#pragma GCC visibility push(hidden)

/* Adds wakeup_socket() to the module table on top of the stack. */
void wakeup_socket_handle_open (lua_State *L);

#pragma GCC visibility pop

#endif
