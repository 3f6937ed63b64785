/*
** libcurl.h - the version of libcurl in use.
*/
#ifndef POSTHOG_LLM_LUA_LIBCURL_H
#define POSTHOG_LLM_LUA_LIBCURL_H

#include "base/compat.h"

#pragma GCC visibility push(hidden)

/* Adds curl_version and default_ca (nil: unknown) to the module table on top of
** the stack. Raises if libcurl cannot be used. */
void libcurl_open (lua_State *L);

#pragma GCC visibility pop

#endif
