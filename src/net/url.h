/*
** url.h - percent-encoding (RFC 3986).
*/
#ifndef POSTHOG_LLM_NET_URL_H
#define POSTHOG_LLM_NET_URL_H

#include "base/compat.h"

#pragma GCC visibility push(hidden)

/* core.escape(text, keep_slash?) -> text: unreserved bytes stay, and "/" where
** keep_slash is true; every other byte becomes %XX. */
int url_escape (lua_State *L);

#pragma GCC visibility pop

#endif
