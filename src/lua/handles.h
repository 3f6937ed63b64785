/*
** handles.h - the engine, its pools and transfers as Lua sees them.
*/
#ifndef POSTHOG_LLM_LUA_HANDLES_H
#define POSTHOG_LLM_LUA_HANDLES_H

#include "base/compat.h"

#include "net/engine.h"

#pragma GCC visibility push(hidden)

/* Adds engine() and now(), sleep() to the module table on top of the stack. */
void handles_open (lua_State *L);

/*
** The rest is between the files that implement them.
**
** Each handle exists, empty and collectable, before what it is to own. The
** reference to the engine keeps its memory, in whatever order lua_close calls
** the finalisers.
*/
#define TRANSFER_NAME "posthog.llm.transfer"

typedef struct TransferHandle {
  Engine *engine; /* NULL until it was started */
  Transfer *transfer;
  int done; /* was seen to be: nothing changes any more, also after a fork */
} TransferHandle;

void *handles_new (lua_State *L, size_t size, const char *name); /* zeroed */
/* As luaL_checkudata, in a function of the class: its metatable is upvalue 1,
** which spares a look into the registry. A call makes ten of these. */
void *handles_check (lua_State *L, int arg, const char *name);
void handles_class (lua_State *L, const char *name, const luaL_Reg *methods,
                    lua_CFunction gc);
void handles_open_transfers (lua_State *L);
Engine *handles_engine (lua_State *L, int arg); /* raises when it is none */

#pragma GCC visibility pop

#endif
