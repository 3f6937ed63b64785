/*
** response_head.h - what Lua reads of a response besides its body, of a
*transfer
** or of a copy.
*/
#ifndef POSTHOG_LLM_LUA_RESPONSE_HEAD_H
#define POSTHOG_LLM_LUA_RESPONSE_HEAD_H

#include "base/compat.h"
#include "net/transfer.h"

#pragma GCC visibility push(hidden)

void response_head_open (lua_State *L); /* registers the class of copies */

/* Pushes a copy of what a finished transfer has of it, and returns 1; 0, and
** nothing pushed: its headers are too large to be copied for each call. */
int response_head_push (lua_State *L, const Transfer *t);

/*
** Pushes { [lower-case name] = value } of a block of headers, which begins with
** the status line. RFC 9110 5.3: values of a repeated name are joined by a
*comma.
** Returns 1.
*/
int response_head_headers (lua_State *L, const char *block, size_t len);

/* Pushes the seconds since the start of the attempt, by name. Returns 1. */
int response_head_timings (lua_State *L, const Timings *timings);

/* Pushes "1.0", "1.1", "2", "3" or nil. Returns 1. */
int response_head_http_version (lua_State *L, long version);

#pragma GCC visibility pop

#endif
