/*
** lauxlib.h - what the core uses of Lua's auxiliary library; see lua.h here.
*/
#ifndef POSTHOG_LLM_HEADERS_LAUXLIB_H
#define POSTHOG_LLM_HEADERS_LAUXLIB_H

#include "lua.h"

#include <stdio.h>

typedef struct luaL_Reg {
  const char *name;
  lua_CFunction func;
} luaL_Reg;

/* Lua writes to a buffer of the caller, whose size is part of the ABI: this is
** LuaJIT's formula, and that of Lua 5.1 with any BUFSIZ up to 16384. */
#define LUAL_BUFFERSIZE (BUFSIZ > 16384 ? 8192 : BUFSIZ)

typedef struct luaL_Buffer {
  char *p;
  int lvl;
  lua_State *L;
  char buffer[LUAL_BUFFERSIZE];
} luaL_Buffer;

extern void luaL_addlstring (luaL_Buffer *b, const char *s, size_t len);
extern void luaL_addstring (luaL_Buffer *b, const char *s);
extern int luaL_argerror (lua_State *L, int arg, const char *message);
extern void luaL_buffinit (lua_State *L, luaL_Buffer *b);
extern void luaL_checkany (lua_State *L, int arg);
extern lua_Integer luaL_checkinteger (lua_State *L, int arg);
extern const char *luaL_checklstring (lua_State *L, int arg, size_t *len);
extern lua_Number luaL_checknumber (lua_State *L, int arg);
extern void luaL_checkstack (lua_State *L, int n, const char *message);
extern void luaL_checktype (lua_State *L, int arg, int type);
extern void *luaL_checkudata (lua_State *L, int arg, const char *name);
extern int luaL_error (lua_State *L, const char *format, ...);
extern int luaL_loadbuffer (lua_State *L, const char *s, size_t len,
                            const char *name);
extern int luaL_newmetatable (lua_State *L, const char *name);
extern const char *luaL_optlstring (lua_State *L, int arg, const char *other,
                                    size_t *len);
extern lua_Number luaL_optnumber (lua_State *L, int arg, lua_Number other);
extern char *luaL_prepbuffer (luaL_Buffer *b);
extern void luaL_pushresult (luaL_Buffer *b);

#if defined(POSTHOG_LLM_LUAJIT)
extern void luaL_setfuncs (lua_State *L, const luaL_Reg *l, int nup);
extern void *luaL_testudata (lua_State *L, int arg, const char *name);
#endif

#define luaL_addchar(b, c)                                                     \
  ((void)((b)->p < (b)->buffer + LUAL_BUFFERSIZE || luaL_prepbuffer(b)),       \
   (*(b)->p++ = (char)(c)))
#define luaL_argcheck(L, ok, arg, message)                                     \
  ((void)((ok) || luaL_argerror(L, (arg), (message))))
#define luaL_checkstring(L, arg)   luaL_checklstring(L, (arg), NULL)
#define luaL_getmetatable(L, name) lua_getfield(L, LUA_REGISTRYINDEX, (name))
#define luaL_typename(L, i)        lua_typename(L, lua_type(L, (i)))

#endif
