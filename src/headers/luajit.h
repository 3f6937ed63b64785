/*
** luajit.h - what the core uses of LuaJIT's own API; see lua.h here.
*/
#ifndef POSTHOG_LLM_HEADERS_LUAJIT_H
#define POSTHOG_LLM_HEADERS_LUAJIT_H

#include "lua.h"

#define LUAJIT_MODE_FUNC 2
#define LUAJIT_MODE_OFF  0x0000

extern int luaJIT_setmode (lua_State *L, int index, int mode);

#endif
