/*
** reader.h - the state of one decode, for the files that decode.
**
** Documents of one kind repeat their keys, in the same order. The strings of
** keys seen before are kept in a table, their bytes in the cache; which key
** came last time after the same one in the same kind of object is tried
** first. Any of this may be wrong or lost without harm: it only saves work.
*/
#ifndef POSTHOG_LLM_JSON_READER_H
#define POSTHOG_LLM_JSON_READER_H

#include "scan.h"
#include "base/direct.h"
#include "types.h"

#pragma GCC visibility push(hidden)

#define KEYS     512  /* remembered; then it starts over */
#define KEY_TAIL 2    /* bytes of a closing quote and a colon */
#define KEY_SIZE 32   /* bytes of a key with both */
#define BUCKETS  1024 /* of the hash table; powers of two */
#define NEXTS    1024

#define SHAPES      64   /* of objects; a power of two */
#define FIELDS      32   /* members that an object with a shape has at most */
#define FIELDS_OPEN 1024 /* keys kept of all objects that are open */

#define SCRATCH (KEYS + SHAPES + 1) /* its place in the list */

typedef struct Key {
  char text[KEY_SIZE]; /* with the closing quote and the colon */
  unsigned char len;   /* without them */
  unsigned char free;  /* keeps every null below it */
  unsigned char shape; /* of the last object under this key, if made */
  unsigned list;       /* elements of the last array under this key */
  unsigned map;        /* members of the last object */
} Key;

/*
** The keys of an object, in their order. When it has been seen a few times, a
** function is made that takes the values and returns the object.
*/
typedef struct Shape {
  unsigned short key[FIELDS + 1]; /* after them, 0 */
  unsigned char count;            /* of keys; 0: no shape here */
  unsigned char seen;             /* times, up to when it was made */
  unsigned char made;
} Shape;

/*
** Keys are numbered from 1; 0 is every key not remembered, and no key. So are
** shapes. Attached is a list of the strings of the keys and, after them, the
** constructors of the shapes and the scratch.
*/
typedef struct Cache {
  char *scratch; /* for strings with escapes; NULL at first */
  size_t size;   /* of scratch */
  int busy;
  unsigned count; /* of keys; from here on it is forgotten when they are */
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

/* A container that is open; the first one is the text itself. */
typedef struct Frame {
  unsigned count;         /* elements or members stored */
  int slot;               /* of the container on the Lua stack */
  unsigned first;         /* where its keys have room in r->fields */
  unsigned short keys;    /* how many, or FIELDS + 1 for more */
  unsigned short context; /* the key that the container stands under */
  unsigned short last;    /* the last key in it */
  unsigned short next;    /* the key that came after that one last time */
  unsigned char kind;
  unsigned char keep;  /* are the nulls of its members kept? */
  unsigned char child; /* the same for the member at hand and below it */
  unsigned char shape; /* whose constructor is in the slot of a ROW */
  unsigned char apart; /* has a ROW other keys than its shape? */
} Frame;

#define FRAMES 64 /* on the C stack; deeper ones go into a userdata */

typedef struct Reader {
  lua_State *L;
  const char *end;
  const char *message, *blame; /* set by fail */
  const char *limit;           /* the setting that a failure is due to */
  const char *checkpoint;      /* after it, look at the clock */
  double deadline;
  Cache *cache;
  Frame *frames;
  int room; /* number of frames */
  int max_depth;
  int base;        /* the slots below count from here */
  int top;         /* there is room for this many slots */
  int shapes_left; /* that may still be made in this call */
  unsigned short fields[FIELDS_OPEN];
} Reader;

/* Slots on the Lua stack, above base; the values come above them. */
enum { HELD = 1, CACHE, NAMES, MARK, SPILL, SLOTS = SPILL };

static inline const char *json_fail (Reader *r, const char *blame,
                                     const char *message) {
  r->message = message;
  r->blame = blame;
  return NULL;
}

/* json_decode, whatever the collector does. */
int json_read (lua_State *L, int decoder, const char *s, size_t len);

/*
** Pushes the string of a key that was not predicted, and sets f->child for it;
** returns its number in the cache, or 0.
*/
unsigned json_pushkey (Reader *r, Frame *f, const char *s, size_t len);

/*
** Counts one more object of the shape of f, a MAP that is complete; may make
** its constructor.
*/
void json_learnshape (Reader *r, const Frame *f);

/*
** Notes the keys of a ROW, which were those of its shape so far: the next one
** is another, or there is none. Its keys are noted one by one from here on.
*/
void json_partshape (Reader *r, Frame *f);

/* Makes the object of a ROW that is complete. */
void json_makerow (Reader *r, Frame *f);

/* Makes a MAP out of a ROW, for a key that no shape can have: it is on top. */
void json_leaverow (Reader *r, Frame *f);

/*
** The string whose first byte is s, with nothing special up to p: its bytes in
** *bytes and *len, which are good until the next string; returns what follows
** the closing quote, or NULL.
*/
const char *json_readstring (Reader *r, const char *s, const char *p,
                             const char **bytes, size_t *len);

/* Pushes the number at p; returns what follows it, or NULL. */
const char *json_readnumber (Reader *r, const char *p);

#pragma GCC visibility pop

#endif
