/*
** handles.h - the engine, its pools and transfers as Lua sees them.
*/
#ifndef POSTHOG_LLM_HANDLES_H
#define POSTHOG_LLM_HANDLES_H

#include "compat.h"

#pragma GCC visibility push(hidden)

/* Adds engine() and now(), sleep() to the module table on top of the stack. */
void handles_open (lua_State *L);

#pragma GCC visibility pop

#endif
