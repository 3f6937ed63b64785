/*
** buffer.h - a growing run of bytes. Plain memory: whoever embeds a Buffer
** owns it and calls buffer_free, also when a Lua error passes by, so a Buffer
** that Lua code fills lives inside a userdata with a __gc.
*/
#ifndef POSTHOG_LLM_BASE_BUFFER_H
#define POSTHOG_LLM_BASE_BUFFER_H

#include "posix.h"

#include <stddef.h>

#pragma GCC visibility push(hidden)

typedef struct Buffer {
  char *data;  /* NULL while size is 0 */
  size_t len;  /* bytes in use */
  size_t size; /* bytes allocated */
} Buffer;

/* Room for `more` bytes after len. 0, or -1 without memory (unchanged). */
int buffer_reserve (Buffer *b, size_t more);
int buffer_append (Buffer *b, const char *bytes, size_t len);
void buffer_free (Buffer *b); /* safe to repeat */

#pragma GCC visibility pop

#endif
