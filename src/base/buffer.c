/*
** buffer.c - a growing array of bytes. One thread at a time may use it.
*/
#include "buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int buffer_reserve (Buffer *b, size_t more) {
  size_t size;
  char *grown;
  if (b->size - b->len >= more)
    return 0;
  if (more > SIZE_MAX / 2 - b->len)
    return -1;
  size = b->size + b->size / 2;
  if (size < b->len + more)
    size = b->len + more;
  if (size < 256)
    size = 256;
  grown = realloc(b->data, size);
  if (grown == NULL)
    return -1;
  b->data = grown;
  b->size = size;
  return 0;
}

int buffer_append (Buffer *b, const char *bytes, size_t len) {
  if (len == 0)
    return 0;
  if (buffer_reserve(b, len) != 0)
    return -1;
  memcpy(b->data + b->len, bytes, len);
  b->len += len;
  return 0;
}

void buffer_free (Buffer *b) {
  free(b->data);
  b->data = NULL;
  b->len = b->size = 0;
}
