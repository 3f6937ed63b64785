/*
** arguments.h - checks and copies the Lua values of a request. All functions
** raise when a value is invalid.
*/
#ifndef POSTHOG_LLM_LUA_ARGUMENTS_H
#define POSTHOG_LLM_LUA_ARGUMENTS_H

#include "base/compat.h"
#include "net/curl_compat.h"

#pragma GCC visibility push(hidden)

/* Stores a copy in *into, which a userdata must own. */
void argument_string (lua_State *L, int i, const char *name, char **into);

/* A number, limited to 0..most; `absent` for nil. */
double argument_number (lua_State *L, int i, const char *name, double absent,
                        double most);

/* Appends one header line, or a list of them (nil: none), to *list. */
void argument_header (lua_State *L, struct curl_slist **list, const char *line);
void argument_headers (lua_State *L, int i, struct curl_slist **list);

#pragma GCC visibility pop

#endif
