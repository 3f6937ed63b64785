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

/* Raises if the argument is no pool. */
void pool_handle_check (lua_State *L, int arg);

/*
** For the pool at a stack or upvalue index, which has been checked: pushes the
** handle of a new transfer, which is then to be filled and submitted; NULL, and
** nothing pushed, if the pool is closed. `used`: the index of a handle to use
** again, if that can be; 0: none.
*/
Transfer *pool_handle_transfer (lua_State *L, int index, int used);

/* Starts the transfer, of which the handle is at `transfer`. 0, or -1 and why.
** Raises nothing. */
int pool_handle_submit (lua_State *L, int index, int transfer, Transfer *t,
                        const char **why);

#pragma GCC visibility pop

#endif
