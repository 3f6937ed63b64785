/*
** types.h - what the JSON files share: the names of the metatables and the
** layout of their userdata.
*/
#ifndef POSTHOG_LLM_JSON_TYPES_H
#define POSTHOG_LLM_JSON_TYPES_H

#include "base/buffer.h"
#include "base/compat.h"

#pragma GCC visibility push(hidden)

#define JSON_ARRAY   "posthog.llm.array"
#define JSON_OBJECT  "posthog.llm.object"
#define JSON_NUMBER  "posthog.llm.number"
#define JSON_RAW     "posthog.llm.raw"
#define JSON_DECODER "posthog.llm.decoder"
#define JSON_ENCODER "posthog.llm.encoder"

/* The nesting depth of values, unless a decoder sets another. */
#define JSON_MAX_DEPTH 512

/* In every Lua a userdata can have a table attached, under two names. */
#if LUA_VERSION_NUM >= 502
#define getattached(L, i) lua_getuservalue(L, (i))
#define setattached(L, i) lua_setuservalue(L, (i))
#else
#define getattached(L, i) lua_getfenv(L, (i))
#define setattached(L, i) lua_setfenv(L, (i))
#endif

/*
** The settings of a decoder. Attached to it is a list of what outlives a call.
** The cache is marked as busy during a call. When it is busy at the start of
** another (a finalizer decodes during a call, or an error has ended the last
** one), a new cache replaces it.
*/
typedef struct Decoder {
  int keep_null;
  int max_depth;
  double max_seconds; /* HUGE_VAL: no limit */
} Decoder;

enum {
  HELD_CACHE = 1, /* userdata, or false */
  HELD_FREE,      /* set of the names below which every null is kept */
  HELD_ARRAY      /* the metatable of arrays */
};

/* JSON that is written unchanged: the text of a number that Lua cannot
** represent, or a raw text. */
typedef struct Literal {
  size_t len;
  char text[1]; /* in fact len bytes */
} Literal;

/* Pushes a new encoder for this Lua state and stores it in the registry. The
** metatables must be registered already. */
void json_newencoder (lua_State *L);

/* json_encode with the encoder at the stack or upvalue index `holder`, for the
** value at an absolute index. */
int json_encodeby (lua_State *L, int holder, int idx, Buffer *out);

void json_pushnumbertext (lua_State *L, const char *s, size_t len);
void json_open_numbers (lua_State *L); /* registers their class */

/* Registers the class of raw texts; adds raw to the module table, which lies
** below the decoder at stack index `decoder`, by which texts are checked. */
void json_open_raw (lua_State *L, int decoder);

/* Registers a class; either list may be NULL. */
void json_new_class (lua_State *L, const char *name,
                     const luaL_Reg *metamethods, const luaL_Reg *methods);

#pragma GCC visibility pop

#endif
