/*
** writer.h - the state of one encode, for the files that encode.
**
** The functions that write take the place to write at and return the place
** after what they have written: kept in a register, that is a fifth faster
** than counting in the buffer. They return NULL when they refuse, with the
** message and the path on top of the stack.
*/
#ifndef POSTHOG_LLM_JSON_WRITER_H
#define POSTHOG_LLM_JSON_WRITER_H

#include "base/direct.h"
#include "types.h"

#include <stdint.h>

#pragma GCC visibility push(hidden)

#define NAMES     256 /* remembered; a power of two */
#define NAME_SIZE 32  /* bytes of a name as it is written: "name": */

/* How a name was written last time, by the place of its bytes in memory. */
typedef struct Name {
  const char *at; /* NULL: none */
  unsigned len;   /* of text */
  char text[NAME_SIZE];
} Name;

/*
** What outlives one call, in the registry. Attached to it is a list of the
** strings that `names` remembers, so that no other string takes their place in
** memory. The metatables stay in the registry as well.
*/
typedef struct Encoder {
  const void *array, *object, *number, *raw;
  unsigned crowded; /* counts the names that came to a place in use */
  Name names[NAMES];
} Encoder;

enum {
  TEXT,    /* the value itself */
  OPEN,    /* a table that is not marked: the first key will tell */
  LIST,    /* by lua_next, as long as the indices come in order */
  INDEXED, /* by index, after all of them have been checked */
  MAP
};

/* A table that is open. On the stack, from `at` on: the table, the last key. */
typedef struct Level {
  const void *table; /* for finding cycles */
  int at;
  unsigned index; /* of the last element */
  unsigned count; /* of elements, where INDEXED */
  unsigned char kind;
  unsigned char marked;  /* by a metatable */
  unsigned char strings; /* no key is a number, as was seen */
  char lead;             /* what the next value is written after */
} Level;

#define LEVELS 32 /* on the C stack; deeper ones go into a userdata */

typedef struct Writer {
  lua_State *L;
  Buffer *out;
  const char *end; /* of the room in `out` */
  Encoder *encoder;
  Level *levels, *top; /* the first level is the TEXT */
  int room;            /* number of levels */
  int holder;          /* index of the encoder */
  int base;            /* the slots below count from here */
} Writer;

enum { SPILL = 1, SLOTS = SPILL };

/* Stack for looking at a value, beside the two slots of each level. */
#define VALUE_STACK 8

char *json_grow (Writer *w, char *out, size_t more);

/* Room for so many bytes, at what it returns. */
static inline char *room (Writer *w, char *out, size_t more) {
  return (size_t)(w->end - out) < more ? json_grow(w, out, more) : out;
}

/*
** Refuses the value at hand, or the innermost table because of its keys.
** Returns NULL.
*/
char *json_value_error (Writer *w, const char *message);
char *json_table_error (Writer *w, const char *message);

/* What the metatable on top, which is not ours, makes of the table below it:
** LIST, MAP or OPEN. */
int json_interop_mark (lua_State *L);

/* The text that stands for the userdata on top, which is not ours; or NULL. */
const char *json_interop_value (lua_State *L);

#pragma GCC visibility pop

#endif
