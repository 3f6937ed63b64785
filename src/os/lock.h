/*
** lock.h - a lock on a file, which one process at a time can have.
*/
#ifndef POSTHOG_LLM_OS_LOCK_H
#define POSTHOG_LLM_OS_LOCK_H

#include "base/compat.h"

#pragma GCC visibility push(hidden)

/* Adds lock to the module table on top of the stack. */
void lock_open (lua_State *L);

#pragma GCC visibility pop

#endif
