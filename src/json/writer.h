/*
** writer.h - the state of one encode, shared by the files that encode.
**
** The functions that write take the position to write at and return the
** position after the text: kept in a register, that is a fifth faster than a
** length in the buffer. On an error they return NULL, with the message and the
** path on top of the stack.
*/
#ifndef POSTHOG_LLM_JSON_WRITER_H
#define POSTHOG_LLM_JSON_WRITER_H

#include "base/direct.h"
#include "types.h"

#include <stdint.h>

#pragma GCC visibility push(hidden)

#define NAMES     256 /* cached; a power of two */
#define NAME_SIZE 32  /* bytes of a name as it is written, as "name": */

/* How a name is written, identified by the address of its Lua string. */
typedef struct Name {
  const char *at; /* NULL: none */
  unsigned len;   /* of text */
  char text[NAME_SIZE];
} Name;

/*
** What outlives one call; in the registry. Attached to it is a list of the
** strings in `names`, so that their addresses are not reused. The registry
** keeps the metatables, too.
*/
typedef struct Encoder {
  const void *array, *object, *number, *raw;
  unsigned crowded; /* counts the names whose entry was in use */
  Name names[NAMES];
} Encoder;

enum {
  TEXT,    /* the value itself */
  OPEN,    /* a table without a mark: the first key decides */
  LIST,    /* traversed by lua_next, as long as it yields 1, 2, ... */
  INDEXED, /* traversed by index, after all keys have been checked */
  MAP
};

/* An open table. On the stack, from `at` on: the table, the last key. */
typedef struct Level {
  const void *table; /* to detect cycles */
  int at;
  unsigned index; /* of the last element */
  unsigned count; /* of elements, if INDEXED */
  unsigned char kind;
  unsigned char marked;  /* by a metatable */
  unsigned char strings; /* checked: no key is a number */
  char lead;             /* the character before the next value */
} Level;

#define LEVELS 32 /* on the C stack; deeper ones go into a userdata */

typedef struct Writer {
  lua_State *L;
  Buffer *out;
  const char *end; /* of the memory of `out` */
  Encoder *encoder;
  Level *levels, *top; /* the first level is the TEXT */
  int room;            /* number of levels */
  int holder;          /* index of the encoder */
  int base;            /* the slots below count from here */
} Writer;

enum { SPILL = 1, SLOTS = SPILL };

/* Stack slots to handle a value, in addition to the two of each level. */
#define VALUE_STACK 8

char *json_grow (Writer *w, char *out, size_t more);

/* Makes room for `more` bytes at the position that it returns. */
static inline char *room (Writer *w, char *out, size_t more) {
  return (size_t)(w->end - out) < more ? json_grow(w, out, more) : out;
}

/*
** The error of the current value, or of the innermost table because of its
** keys. Return NULL.
*/
char *json_value_error (Writer *w, const char *message);
char *json_table_error (Writer *w, const char *message);

/* What a metatable on top that is not ours says about the table below it: LIST,
** MAP or OPEN. */
int json_interop_mark (lua_State *L);

/* The JSON text for a userdata on top that is not ours, or NULL. */
const char *json_interop_value (lua_State *L);

#pragma GCC visibility pop

#endif
