/*
** json.h - JSON text to Lua values and back, without loss (RFC 8259).
*/
#ifndef POSTHOG_LLM_JSON_H
#define POSTHOG_LLM_JSON_H

#include "base/buffer.h"
#include "base/compat.h"

#pragma GCC visibility push(hidden)

/*
** Adds to the module table on top of the stack:
**   null, array_mt, array(t?), object(t?)
**   decode(text) -> value | nil, message, position, limit
**   encode(value) -> text | nil, message, path
**   decoder{ keep_null = boolean, free = { names }, max_depth = n,
**            max_seconds = s } -> decoder
*/
void json_open (lua_State *L);

/* Raises if the argument is no decoder. */
void json_check_decoder (lua_State *L, int arg);

/*
** Decodes len bytes at s with the settings of the decoder userdata at stack
** index `decoder`. Returns the number of values pushed, as a Lua function
** would return them: 1 (the value), 3 (nil, message, 1-based byte position),
** or 4 (also the name of the setting whose limit was exceeded). The caller owns
** the bytes and keeps them until the call returns; raises only when out of
** memory.
*/
int json_decode (lua_State *L, int decoder, const char *s, size_t len);

/*
** The same for memory of malloc that is not read again, except for its first
** `keep` bytes. The pages of a text of JSON_SPENT bytes or more are given back
** while it is decoded, and hold anything when the call returns or raises; less
** memory is not missed for that time.
*/
#define JSON_SPENT ((size_t)4 << 20)

int json_decodespent (lua_State *L, int decoder, char *s, size_t len,
                      size_t keep);

/*
** Appends the JSON text of the value at idx to out, which a userdata of the
** caller owns. Returns 0, or pushes a message and the path of the value that
** cannot be encoded (such as "results[3].input"; "": the value itself) and
** returns 2.
*/
int json_encode (lua_State *L, int idx, Buffer *out);

#pragma GCC visibility pop

#endif
