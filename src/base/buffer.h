/*
** buffer.h - a growing array of bytes. The struct that embeds a Buffer owns
** its memory and calls buffer_free, also after a Lua error: a Buffer that is
** filled while Lua may raise is embedded in a userdata with a __gc.
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

/* Makes room for `more` bytes after len. Returns 0, or -1 when out of memory,
** with the buffer unchanged. */
int buffer_reserve (Buffer *b, size_t more);
int buffer_append (Buffer *b, const char *bytes, size_t len);
void buffer_free (Buffer *b); /* may be called again */

#pragma GCC visibility pop

#endif
