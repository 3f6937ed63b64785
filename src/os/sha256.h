/*
** sha256.h - SHA-256 (FIPS 180-4), to compare texts.
*/
#ifndef POSTHOG_LLM_OS_SHA256_H
#define POSTHOG_LLM_OS_SHA256_H

#include "base/compat.h"

#pragma GCC visibility push(hidden)

/* Adds sha256 and hasher to the module table on top of the stack. */
void sha256_open (lua_State *L);

#pragma GCC visibility pop

#endif
