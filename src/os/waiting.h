/*
** waiting.h - a monotonic clock, and sleep.
*/
#ifndef POSTHOG_LLM_OS_WAITING_H
#define POSTHOG_LLM_OS_WAITING_H

#include "base/compat.h"

#pragma GCC visibility push(hidden)

/* Adds now and sleep to the module table on top of the stack. */
void waiting_open (lua_State *L);

#pragma GCC visibility pop

#endif
