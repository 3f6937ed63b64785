/*
** curl_library.h - where libcurl's functions come from: the linker, or a
** library opened at run time (for a core compiled by build.lua).
*/
#ifndef POSTHOG_LLM_NET_CURL_LIBRARY_H
#define POSTHOG_LLM_NET_CURL_LIBRARY_H

#include "curl_compat.h"

#pragma GCC visibility push(hidden)

/* Makes libcurl's functions callable; to be called before any of them. Returns
** NULL, or why that failed, a static text. May be called again, also after a
** failure, and from several threads. */
const char *curl_library_open (void);

#pragma GCC visibility pop

#endif
