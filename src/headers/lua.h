/*
** lua.h - what the core uses of the C API of Lua 5.1, as LuaJIT has it: for
** build.lua, when the headers of neither are installed. This
** part of the API has not changed since 2006, nor in LuaJIT.
**
** POSTHOG_LLM_LUAJIT is defined where the Lua that loads the core is LuaJIT.
*/
#ifndef POSTHOG_LLM_HEADERS_LUA_H
#define POSTHOG_LLM_HEADERS_LUA_H

#include <stddef.h>

#define LUA_VERSION       "Lua 5.1"
#define LUA_VERSION_NUM   501
#define LUA_REGISTRYINDEX (-10000)
#define LUA_ENVIRONINDEX  (-10001)
#define LUA_GLOBALSINDEX  (-10002)

#define LUA_TNONE          (-1)
#define LUA_TNIL           0
#define LUA_TBOOLEAN       1
#define LUA_TLIGHTUSERDATA 2
#define LUA_TNUMBER        3
#define LUA_TSTRING        4
#define LUA_TTABLE         5
#define LUA_TFUNCTION      6
#define LUA_TUSERDATA      7
#define LUA_TTHREAD        8

#define LUA_GCSTOP       0
#define LUA_GCRESTART    1
#define LUA_GCCOLLECT    2
#define LUA_GCCOUNT      3
#define LUA_GCCOUNTB     4
#define LUA_GCSTEP       5
#define LUA_GCSETPAUSE   6
#define LUA_GCSETSTEPMUL 7

#define LUA_ERRMEM 4

#define LUA_MINSTACK 20
#define LUA_MULTRET  (-1)

/* What distinguishes LuaJIT's headers from those of Lua 5.1. */
#if defined(POSTHOG_LLM_LUAJIT)
#define LUA_LJDIR       ""
#define LUA_GCISRUNNING 9
#endif

typedef struct lua_State lua_State;
typedef double lua_Number;
typedef ptrdiff_t lua_Integer;
typedef int (*lua_CFunction)(lua_State *L);

extern void lua_call (lua_State *L, int nargs, int nresults);
extern int lua_checkstack (lua_State *L, int n);
extern void lua_concat (lua_State *L, int n);
extern void lua_createtable (lua_State *L, int narr, int nrec);
extern int lua_error (lua_State *L);
extern int lua_gc (lua_State *L, int what, int data);
extern void lua_getfenv (lua_State *L, int index);
extern void lua_getfield (lua_State *L, int index, const char *name);
extern int lua_getmetatable (lua_State *L, int index);
extern int lua_gettop (lua_State *L);
extern void lua_insert (lua_State *L, int index);
extern void *lua_newuserdata (lua_State *L, size_t size);
extern int lua_next (lua_State *L, int index);
extern size_t lua_objlen (lua_State *L, int index);
extern int lua_pcall (lua_State *L, int nargs, int nresults, int handler);
extern void lua_pushboolean (lua_State *L, int b);
extern void lua_pushcclosure (lua_State *L, lua_CFunction f, int n);
extern const char *lua_pushfstring (lua_State *L, const char *format, ...);
extern void lua_pushinteger (lua_State *L, lua_Integer n);
extern void lua_pushlightuserdata (lua_State *L, void *p);
extern void lua_pushlstring (lua_State *L, const char *s, size_t len);
extern void lua_pushnil (lua_State *L);
extern void lua_pushnumber (lua_State *L, lua_Number n);
extern void lua_pushstring (lua_State *L, const char *s);
extern void lua_pushvalue (lua_State *L, int index);
extern int lua_rawequal (lua_State *L, int index, int other);
extern void lua_rawget (lua_State *L, int index);
extern void lua_rawgeti (lua_State *L, int index, int n);
extern void lua_rawset (lua_State *L, int index);
extern void lua_rawseti (lua_State *L, int index, int n);
extern void lua_remove (lua_State *L, int index);
extern void lua_replace (lua_State *L, int index);
extern int lua_setfenv (lua_State *L, int index);
extern void lua_setfield (lua_State *L, int index, const char *name);
extern int lua_setmetatable (lua_State *L, int index);
extern void lua_settop (lua_State *L, int index);
extern int lua_toboolean (lua_State *L, int index);
extern lua_Integer lua_tointeger (lua_State *L, int index);
extern const char *lua_tolstring (lua_State *L, int index, size_t *len);
extern lua_Number lua_tonumber (lua_State *L, int index);
extern const void *lua_topointer (lua_State *L, int index);
extern void *lua_touserdata (lua_State *L, int index);
extern int lua_type (lua_State *L, int index);
extern const char *lua_typename (lua_State *L, int type);

#define lua_isboolean(L, i)     (lua_type(L, (i)) == LUA_TBOOLEAN)
#define lua_isnil(L, i)         (lua_type(L, (i)) == LUA_TNIL)
#define lua_isnoneornil(L, i)   (lua_type(L, (i)) <= 0)
#define lua_istable(L, i)       (lua_type(L, (i)) == LUA_TTABLE)
#define lua_newtable(L)         lua_createtable(L, 0, 0)
#define lua_pop(L, n)           lua_settop(L, -(n)-1)
#define lua_pushcfunction(L, f) lua_pushcclosure(L, (f), 0)
#define lua_pushliteral(L, s)   lua_pushlstring(L, "" s, sizeof(s) - 1)
#define lua_tostring(L, i)      lua_tolstring(L, (i), NULL)
#define lua_upvalueindex(i)     (LUA_GLOBALSINDEX - (i))

#endif
