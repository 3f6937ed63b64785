/*
** direct_get.h - plain reads in one step.
*/
#ifndef POSTHOG_LLM_LUA_DIRECT_GET_H
#define POSTHOG_LLM_LUA_DIRECT_GET_H

#include "base/compat.h"

#pragma GCC visibility push(hidden)

void direct_get_open (lua_State *L); /* adds core.direct_get */

#pragma GCC visibility pop

#endif
