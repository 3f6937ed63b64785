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
#include "scan.h"
#include "types.h"

#include <stdint.h>

#pragma GCC visibility push(hidden)

#define NAMES     256 /* cached; a power of two */
#define WAYS      4   /* entries that a name may have; a power of two */
#define NAME_SIZE 32  /* bytes of a name as it is written, as "name": */

/* How a name is written. */
typedef struct Name {
  const void *id; /* of its Lua string; the encoder: none */
  unsigned len;   /* of text */
  char text[NAME_SIZE];
} Name;

/*
** What outlives one call; in the registry. Attached to it is a list of the
** strings in `names`, so that what identifies them is not reused. The registry
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
  const void *table; /* where cycles have been looked for */
  int at;
  unsigned index; /* of the last element */
  unsigned count; /* of elements, if INDEXED */
  unsigned char kind;
  unsigned char marked; /* by a metatable */
} Level;

/* On the C stack, with the TEXT; deeper levels go into a userdata. */
#define LEVELS 8

typedef struct Writer {
  lua_State *L;
  Buffer *out;
  const char *end; /* of the memory of `out` */
  Encoder *encoder;
  Level *levels, *top; /* the first level is the TEXT */
  Level *last;         /* there is memory up to this one */
  int holder;          /* index of the encoder */
  int base;            /* the slots below count from here */
} Writer;

enum { SPILL = 1, SLOTS = SPILL };

/* Stack slots to handle a value, in addition to the two of each level. */
#define VALUE_STACK 8

/*
** Bytes that are free at the position before each key, or value without one: a
** cached name, any value but a string, a bracket and a comma fit in.
*/
#define SPARE 96

/* Bytes to write a string of this length without an escape: both quotes, a
** colon or comma, the scratch space of scan_copy, and what has to be free
** behind it. */
#define STRING_SIZE(len) ((len) + 20 + SPARE)

#define MIXED_TABLE "a table has both list indices and other keys"

char *json_grow (Writer *w, char *out, size_t more);

/* Makes room for `more` bytes at the position that it returns. */
static inline char *room (Writer *w, char *out, size_t more) {
  return (size_t)(w->end - out) < more ? json_grow(w, out, more) : out;
}

/* The rest of a string, which begins with a special byte, the closing quote,
** and SPARE bytes behind it. NULL, without an error, for invalid UTF-8. */
char *json_putspecial (Writer *w, char *out, const char *s, const char *end);

/* Writes s in quotes, into STRING_SIZE(len) bytes. NULL, without an error, for
** invalid UTF-8. */
static inline char *put_string (Writer *w, char *out, const char *s,
                                size_t len) {
  const char *end = s + len, *stop;
  *out++ = '"';
  stop = scan_copy(out, s, end);
  out += stop - s;
  if (stop < end)
    return json_putspecial(w, out, stop, end);
  *out++ = '"';
  return out;
}

/*
** What identifies the string below the value on top: NULL for a number. The
** address of the string is enough, and the cheapest where lua_topointer tells
** it. lua_tolstring would turn a number into a string, with which lua_next
** could not continue.
*/
static inline const void *key_id (lua_State *L) {
#if HAVE_STRING_POINTER
  return lua_topointer(L, -2);
#else
  return lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, NULL) : NULL;
#endif
}

/* The first of the entries that a name may have. */
static inline unsigned name_slot (const void *id) {
  uint32_t h = (uint32_t)((uintptr_t)id >> 3) * UINT32_C(0x9E3779B1);
  return (h >> 24) % NAMES;
}

/* Writes the key below the value on top, where a first look does not find it.
 */
char *json_putkey (Writer *w, char *out, const void *id);

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
