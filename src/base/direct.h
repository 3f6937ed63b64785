/*
** direct.h - declares Lua's functions so that they are called without the
** procedure linkage table (PLT), for files that call them thousands of times:
** on x86-64 that makes reading and writing JSON 5 to 8 % faster. The option
** -fno-plt does the same, but LuaRocks does not let a module set it.
*/
#ifndef POSTHOG_LLM_BASE_DIRECT_H
#define POSTHOG_LLM_BASE_DIRECT_H

#include "compat.h"

#if defined(__GNUC__) && !defined(__clang__) && defined(__ELF__)
#define DIRECT(f) extern __typeof__(f) f __attribute__((noplt))
#else
#define DIRECT(f) extern __typeof__(f) f
#endif

#if defined(__GNUC__)
DIRECT(lua_createtable);
DIRECT(lua_getmetatable);
DIRECT(lua_next);
DIRECT(lua_pushboolean);
DIRECT(lua_pushinteger);
DIRECT(lua_pushlightuserdata);
DIRECT(lua_pushlstring);
DIRECT(lua_pushnil);
DIRECT(lua_pushnumber);
DIRECT(lua_pushvalue);
DIRECT(lua_rawgeti);
DIRECT(lua_rawset);
DIRECT(lua_rawseti);
DIRECT(lua_setmetatable);
DIRECT(lua_settop);
DIRECT(lua_toboolean);
DIRECT(lua_tolstring);
DIRECT(lua_topointer);
DIRECT(lua_touserdata);
DIRECT(lua_type);
#if HAVE_LUA_INTEGER
DIRECT(lua_isinteger);
DIRECT(lua_tointegerx);
#endif
#if defined(lua_tonumber) /* a macro in 5.2 and later */
DIRECT(lua_tonumberx);
#else
DIRECT(lua_tonumber);
#endif
#endif

#undef DIRECT

#endif
