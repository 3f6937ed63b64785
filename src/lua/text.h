/*
** text.h - functions on texts: percent-encoding, finding and redacting a
** secret, parsing the address of a URL.
*/
#ifndef POSTHOG_LLM_LUA_TEXT_H
#define POSTHOG_LLM_LUA_TEXT_H

#include "base/compat.h"

#pragma GCC visibility push(hidden)

/* Adds escape, redact and url_address to the module table on top of the
** stack. */
void text_open (lua_State *L);

#pragma GCC visibility pop

#endif
