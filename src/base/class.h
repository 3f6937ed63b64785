/*
** class.h - classes of userdata: their registration, their objects.
**
** An object is created empty, with its metatable, before the resources that
** it will own: whatever raises later, its __gc frees them.
*/
#ifndef POSTHOG_LLM_BASE_CLASS_H
#define POSTHOG_LLM_BASE_CLASS_H

#include "compat.h"

#pragma GCC visibility push(hidden)

/* Registers a class: its methods, and gc for __gc and __close; NULL: it owns
** nothing. */
void class_register (lua_State *L, const char *name, const luaL_Reg *methods,
                     lua_CFunction gc);
/* Pushes a new object, zeroed. */
void *class_new (lua_State *L, size_t size, const char *name);
/* As luaL_checkudata, for a function of the class, whose upvalue 1 is the
** metatable: that saves a lookup in the registry. One request checks ten
** times. */
void *class_check (lua_State *L, int arg, const char *name);

#pragma GCC visibility pop

#endif
