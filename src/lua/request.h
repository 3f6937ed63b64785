/*
** request.h - the arguments of pool:start become the request of a transfer.
*/
#ifndef POSTHOG_LLM_LUA_REQUEST_H
#define POSTHOG_LLM_LUA_REQUEST_H

#include "base/compat.h"

#include "net/transfer.h"

#pragma GCC visibility push(hidden)

/* Where the arguments of pool:start are on the stack. */
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
** Fills t, which a userdata owns; raises when an argument is not what it should
** be. Returns 0, or the number of values that it pushed: why the value to send
** has no JSON text, and the path to the culprit.
*/
int request_read (lua_State *L, Transfer *t);

#pragma GCC visibility pop

#endif
