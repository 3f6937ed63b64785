/*
** request_config_handle.h - the request config in Lua.
*/
#ifndef POSTHOG_LLM_LUA_REQUEST_CONFIG_HANDLE_H
#define POSTHOG_LLM_LUA_REQUEST_CONFIG_HANDLE_H

#include "base/compat.h"
#include "net/request_config.h"

#pragma GCC visibility push(hidden)

/* Adds request_config() to the module table on top of the stack. */
void request_config_handle_open (lua_State *L);

/* The config of an argument, which keeps its reference; raises if the argument
** is something else. */
RequestConfig *request_config_handle_check (lua_State *L, int arg);

/* The config of the handle at a stack or upvalue index, which has been checked;
** NULL: it was finalized, at the end of the Lua state. */
RequestConfig *request_config_handle_get (lua_State *L, int index);

#pragma GCC visibility pop

#endif
