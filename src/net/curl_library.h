/*
** curl_library.h - where libcurl's functions come from: the linker, or a
*library
** opened at run time (a core that build.lua has compiled).
*/
#ifndef POSTHOG_LLM_NET_CURL_LIBRARY_H
#define POSTHOG_LLM_NET_CURL_LIBRARY_H

#include "curl_compat.h"

#pragma GCC visibility push(hidden)

/* Makes libcurl's functions callable, before any of them is. NULL, or why they
** are not: a text of the process's. Safe to repeat, also after a failure, and
** from several threads. */
const char *curl_library_open (void);

#pragma GCC visibility pop

#endif
