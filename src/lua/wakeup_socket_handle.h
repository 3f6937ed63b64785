/*
** wakeup_socket.h - a unix socket by which the engine calls for Lua, for hosts
** whose event loop reads sockets but takes no descriptor from outside.
*/
#ifndef POSTHOG_LLM_LUA_WAKEUP_SOCKET_H
#define POSTHOG_LLM_LUA_WAKEUP_SOCKET_H

#include "base/compat.h"

#pragma GCC visibility push(hidden)

/* Adds wakeup_socket() to the module table on top of the stack. */
void wakeup_socket_open (lua_State *L);

#pragma GCC visibility pop

#endif
