/*
** request.h - a Lua table of fields becomes the request of a transfer.
*/
#ifndef POSTHOG_LLM_REQUEST_H
#define POSTHOG_LLM_REQUEST_H

#include "compat.h"

#include "transfer.h"

#pragma GCC visibility push(hidden)

/*
** Fills t, which a userdata owns, from the table at index i, and what stays the
** same from call to call from the one at index defaults; raises when a
** field is not what it should be. Returns 0, or the number of values that it
** pushed: why the value to send has no JSON text, and the path to the culprit.
*/
int request_read (lua_State *L, int i, int defaults, Transfer *t);

/* Never 0 for a positive time, at most eleven days. */
int64_t request_milliseconds (double seconds);

#pragma GCC visibility pop

#endif
