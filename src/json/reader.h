/*
** reader.h - the state of one decode, shared by the files that decode.
**
** Documents of one kind repeat their keys in the same order. The strings of
** keys read before are kept in a table, their bytes in the cache. The key that
** followed the same key in the same kind of object last time is tried first.
** All of this is an optimisation: a wrong prediction or a lost entry does no
** harm.
*/
#ifndef POSTHOG_LLM_JSON_READER_H
#define POSTHOG_LLM_JSON_READER_H

#include "scan.h"
#include "base/direct.h"
#include "types.h"

#pragma GCC visibility push(hidden)

#define KEYS     512  /* cached; then the cache starts over */
#define KEY_TAIL 2    /* bytes of a closing quote and a colon */
#define KEY_SIZE 32   /* bytes of a key with both */
#define BUCKETS  1024 /* of the hash table; powers of two */
#define NEXTS    1024

#define SHAPES      64   /* of objects; a power of two */
#define FIELDS      32   /* the most members of an object with a shape */
#define FIELDS_OPEN 1024 /* the most recorded keys of all open objects */

#define SCRATCH (KEYS + SHAPES + 1) /* its index in the list */

typedef struct Key {
  char text[KEY_SIZE]; /* with the closing quote and the colon */
  unsigned char len;   /* without them */
  unsigned char free;  /* a name of free JSON: every null below is kept */
  unsigned char shape; /* of the last object under this key; 0: none */
  unsigned list;       /* elements of the last array under this key */
  unsigned map;        /* members of the last object */
} Key;

/*
** The keys of an object, in order. After a few objects of one shape, a
** constructor is generated: a Lua function that takes the values and returns
** the object.
*/
typedef struct Shape {
  unsigned short key[FIELDS + 1]; /* numbers of keys, terminated by 0 */
  unsigned char count;            /* of keys; 0: unused entry */
  unsigned char seen;             /* objects so far, until it is made */
  unsigned char made;             /* whether it has a constructor */
} Shape;

/*
** Keys are numbered from 1; 0 is a key that is not cached, or no key. Shapes
** likewise. Attached to the userdata is a list of the strings of the keys,
** followed by the constructors of the shapes and the scratch memory.
*/
typedef struct Cache {
  char *scratch; /* for strings with escapes; NULL at first */
  size_t size;   /* of scratch */
  int busy;
  unsigned count; /* of keys; this and all below is reset with them */
  Shape shape[SHAPES + 1];
  unsigned short bucket[BUCKETS];
  unsigned short next[NEXTS];
  Key key[KEYS + 1];
} Cache;

enum {
  TEXT,
  LIST,
  MAP,
  ROW /* an object whose values wait on the stack for a constructor */
};

/* An open container; the first one is the text itself. */
typedef struct Frame {
  unsigned count;         /* elements or members stored */
  int slot;               /* of the container on the Lua stack */
  unsigned first;         /* index of its first key in r->fields */
  unsigned short keys;    /* the number of keys; FIELDS + 1: too many */
  unsigned short context; /* the key whose value the container is */
  unsigned short last;    /* the last key in it */
  unsigned short next;    /* the key that came after that one last time */
  unsigned char kind;
  unsigned char keep;  /* are the nulls of its members kept? */
  unsigned char child; /* the same for the current member and below it */
  unsigned char shape; /* of a ROW: its constructor is in the slot */
  unsigned char apart; /* has a ROW other keys than those of its shape? */
} Frame;

#define FRAMES 64 /* on the C stack; deeper ones go into a userdata */

typedef struct Reader {
  lua_State *L;
  const char *end;
  const char *message, *blame; /* set by fail */
  const char *limit;           /* the setting whose limit was exceeded */
  const char *checkpoint;      /* when passed, the clock is read */
  double deadline;
  char *spent; /* bytes from here on are given back once read; NULL: none */
  Cache *cache;
  Frame *frames;
  int room; /* number of frames */
  int max_depth;
  int base;        /* the slots below count from here */
  int top;         /* the stack has room up to this slot */
  int shapes_left; /* constructors that this call may still make */
  unsigned short fields[FIELDS_OPEN];
} Reader;

/* Slots on the Lua stack, above base; the values are above them. */
enum { HELD = 1, CACHE, NAMES, MARK, SPILL, SLOTS = SPILL };

static inline const char *json_fail (Reader *r, const char *blame,
                                     const char *message) {
  r->message = message;
  r->blame = blame;
  return NULL;
}

/* A text to decode. */
typedef struct Source {
  const char *s;
  size_t len;
  char *spent; /* within s: what is given back, as json_decodespent says */
} Source;

/* json_decode without the pause of the garbage collector. */
int json_read (lua_State *L, int decoder, const Source *source);

/*
** Pushes the string of a key that was not predicted, and sets f->child for it;
** returns its number in the cache, 0 if it is not cached.
*/
unsigned json_pushkey (Reader *r, Frame *f, const char *s, size_t len);

/*
** Counts one more object of the shape of f, a complete MAP; may make its
** constructor.
*/
void json_learnshape (Reader *r, const Frame *f);

/*
** To be called when the keys of a ROW, which were those of its shape so far,
** begin to differ: records them. From then on its keys are recorded one by one.
*/
void json_partshape (Reader *r, Frame *f);

/* Makes the object of a complete ROW. */
void json_makerow (Reader *r, Frame *f);

/* Turns a ROW into a MAP when a key, on top, cannot belong to a shape. */
void json_leaverow (Reader *r, Frame *f);

/*
** Reads the string whose first byte is s, with no special bytes up to p. Sets
** *bytes and *len, which are valid until the next string; returns the position
** after the closing quote, or NULL.
*/
const char *json_readstring (Reader *r, const char *s, const char *p,
                             const char **bytes, size_t *len);

/* Pushes the number at p; returns the position after it, or NULL. */
const char *json_readnumber (Reader *r, const char *p);

#pragma GCC visibility pop

#endif
