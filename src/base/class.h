/*
** class.h - classes of userdata, whose objects are made and checked here.
**
** An object exists, empty and collectable, before what it is to own.
*/
#ifndef POSTHOG_LLM_BASE_CLASS_H
#define POSTHOG_LLM_BASE_CLASS_H

#include "compat.h"

#pragma GCC visibility push(hidden)

/* Registers a class: its methods, and gc for __gc and __close. */
void class_register (lua_State *L, const char *name, const luaL_Reg *methods,
                     lua_CFunction gc);
/* Pushes a new object, zeroed. */
void *class_new (lua_State *L, size_t size, const char *name);
/* As luaL_checkudata, in a function of the class: its metatable is upvalue 1,
** which spares a look into the registry. A call makes ten of these. */
void *class_check (lua_State *L, int arg, const char *name);

#pragma GCC visibility pop

#endif
