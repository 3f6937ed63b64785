/*
** request.h - turns the arguments of pool:start into the request of a transfer.
*/
#ifndef POSTHOG_LLM_LUA_REQUEST_H
#define POSTHOG_LLM_LUA_REQUEST_H

#include "base/compat.h"

#include "net/transfer.h"

#pragma GCC visibility push(hidden)

/* The stack indices of the arguments of pool:start. */
enum {
  REQUEST_CONFIG = 2,
  REQUEST_TABLE,
  REQUEST_URL,
  REQUEST_TIMEOUT,
  REQUEST_DEADLINE,
  REQUEST_HEADERS,
  REQUEST_LAST = REQUEST_HEADERS
};

/*
** Fills t, which a userdata must own; raises if an argument is invalid. Returns
** 0, or, if the value to send cannot be encoded, the number of values that it
** pushed: a message and the path of the part that cannot.
*/
int request_read (lua_State *L, Transfer *t);

#pragma GCC visibility pop

#endif
