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

/*
** Pushes the handle at this index once more, its transfer as new, and frees all
** that it had; NULL, and nothing pushed or changed, unless it is done and
*nobody
** else holds it. The caller has seen to it that nobody reads it any more.
*/
Transfer *transfer_handle_again (lua_State *L, int index);

/* To be called once the transfer of the handle at this index is started. */
void transfer_handle_started (lua_State *L, int index, Engine *e);

/* Waits for the transfer of the handle at this index, which was started just
** now. Returns whether it is done and there is nothing to collect. */
int transfer_handle_await (lua_State *L, int index);

/*
** If the transfer of the handle at this index has a response with status 200,
** whose headers do not contain the secret and whose body can be decoded, pushes
** the value, frees the body and returns 1. Otherwise pushes nothing, changes
** nothing and returns 0. Raises when out of memory.
*/
int transfer_handle_value (lua_State *L, int index, int decoder,
                           const char *secret, size_t len);

/* Pushes the head of the response that the handle at this index has
** (response_head.h), and returns 1; 0, and nothing pushed: it is too large. */
int transfer_handle_head (lua_State *L, int index);

/* Raises if the argument is no transfer that was started. */
void transfer_handle_check (lua_State *L, int arg);

#pragma GCC visibility pop

#endif
