/*
** decode.c - JSON text to Lua values in one pass: values are stored into their
** tables as they are read, without an intermediate tree. The state of a call is
** on the C stack; only the cache, a userdata of the decoder, outlives it.
*/
#include "base/clock.h"
#include "base/pages.h"
#include "reader.h"

#include <limits.h>
#include <math.h>
#include <stddef.h>

#define MAX_HINT (1 << 24) /* elements or members to preallocate */

/* Lua stack slots for an object with all its values, and to handle a value. */
#define CONTAINER_STACK (FIELDS + 2 * SLOTS)

/* Lua stack slots for usual levels of nesting. */
#define STACK (64 + CONTAINER_STACK)

/*
** Making a constructor takes as long as decoding 5 KB: the number per call is
** limited, whatever the text.
*/
#define MAX_NEW_SHAPES 16

/*
** LuaJIT's stack has 8000 slots for C, and the values that wait for their
** constructors take up to FIELDS_OPEN of them: a decoder that may need all
** slots for nesting uses no constructors.
*/
#define MAX_SHAPED_DEPTH 3000

/* Larger scratch memory is freed after the call. */
#define MAX_SCRATCH ((size_t)1 << 20)

/* Bytes between two readings of the clock: about 20 us of usual contents. */
#define CLOCK_STEP 8192

/* Bytes to give back at a time: few enough calls not to be noticed. */
#define DISCARD_STEP ((ptrdiff_t)1 << 20)

static inline unsigned next_index (const Frame *f) {
  return (f->context * 37u + f->last * 5u) & (NEXTS - 1);
}

/* Do the bytes at p start with this key, its closing quote and a colon? */
static inline int key_matches (const Key *k, const char *p, const char *end) {
#if HAVE_BLOCKS
  if (end - p >= KEY_SIZE) {
    unsigned wanted = 0xFFFFFFFFu >> (KEY_SIZE - KEY_TAIL - k->len);
    unsigned equal = scan_equal(k->text, p);
    if (k->len > 16 - KEY_TAIL)
      equal |= scan_equal(k->text + 16, p + 16) << 16;
    return (equal & wanted) == wanted;
  }
#endif
  return end - p >= k->len + KEY_TAIL &&
         memcmp(p, k->text, (size_t)k->len + KEY_TAIL) == 0;
}

static inline const char *skip_space (const char *p, const char *end) {
  if (p < end && (unsigned char)*p > ' ') /* mostly there is none */
    return p;
  while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
    p++;
  return p;
}

/*
** Records the current key among those of its object. One too many, or a key
** that is not cached and therefore on the stack, turns a ROW into a MAP.
*/
static inline void note_key (Reader *r, Frame *f) {
  if (f->kind == ROW && (f->last == 0 || f->keys == FIELDS))
    json_leaverow(r, f);
  if (f->keys < FIELDS && f->first + f->keys < FIELDS_OPEN)
    r->fields[f->first + f->keys] = f->last;
  f->keys += f->keys <= FIELDS;
}

/* Predicts the key after the last one in f. */
static inline void predict_key (Reader *r, Frame *f) {
  f->next = r->cache->next[next_index(f)];
}

/* Fast path: most strings are short ASCII without escapes. */
static inline const char *read_string (Reader *r, const char *s,
                                       const char **bytes, size_t *len) {
  const char *p = scan_plain(s, r->end);
  if (p == r->end || *p != '"')
    return json_readstring(r, s, p, bytes, len);
  *bytes = s;
  *len = (size_t)(p - s);
  return p + 1;
}

/* Reads a key that was not predicted, or has unusual spacing or escapes. */
static const char *read_newkey (Reader *r, Frame *f, const char *p) {
  unsigned short *next = r->cache->next + next_index(f);
  const char *s;
  size_t len;
  if ((p = read_string(r, p, &s, &len)) == NULL)
    return NULL;
  f->last = (unsigned short)json_pushkey(r, f, s, len);
  *next = f->last;
  if (f->kind == ROW && f->last != 0 && f->keys < FIELDS)
    lua_pop(r->L, 1);
  p = skip_space(p, r->end);
  if (p == r->end || *p != ':')
    return json_fail(r, p, "expected ':' after a key");
  return p + 1;
}

/* The key at p, if it is the one predicted. */
static inline const Key *match_key (Reader *r, Frame *f, const char *p) {
  const Key *k = r->cache->key + f->next;
  if (f->next == 0 || !key_matches(k, p, r->end))
    return NULL;
  f->last = f->next;
  f->child = f->keep | k->free;
  return k;
}

/*
** Reads a key, from after its opening quote to after the colon; pushes it,
** except in a ROW.
*/
static inline const char *read_key (Reader *r, Frame *f, const char *p) {
  const Key *k = match_key(r, f, p);
  if (HAVE_FAST_CONSTRUCTORS && f->kind == ROW && !f->apart) {
    if (k != NULL) {
      f->next = r->cache->shape[f->shape].key[++f->keys];
      return p + k->len + KEY_TAIL;
    }
    json_partshape(r, f);
    predict_key(r, f);
    k = match_key(r, f, p);
  }
  if (k != NULL) {
    p += k->len + KEY_TAIL;
    if (f->kind == MAP || f->keys == FIELDS)
      lua_rawgeti(r->L, r->base + NAMES, f->last);
  } else if ((p = read_newkey(r, f, p)) == NULL) {
    return NULL;
  }
  predict_key(r, f);
  if (HAVE_FAST_CONSTRUCTORS)
    note_key(r, f);
  return p;
}

/* The size that the last container under this key had. */
static inline unsigned *last_size (Reader *r, unsigned context, int kind) {
  Key *key = r->cache->key + context;
  return kind == LIST ? &key->list : &key->map;
}

/* The number of slots between a container and its current member. */
static inline int values_above (const Frame *f) {
  if (HAVE_FAST_CONSTRUCTORS && f->kind == ROW)
    return (int)f->count;
  return f->kind == MAP;
}

/* Makes sure that the Lua stack has room for a container at this slot. */
static inline int has_room (Reader *r, int slot) {
  int wanted = slot + CONTAINER_STACK;
  if (wanted <= r->top)
    return 1;
  wanted += 4 * CONTAINER_STACK;
  if (!lua_checkstack(r->L, wanted - lua_gettop(r->L)))
    return 0;
  r->top = wanted;
  return 1;
}

/*
** Opens a container inside f, with the size that the last one under the same
** key had. That size is reset here and set again when the container ends, so
** that nested or repeated containers are not preallocated larger than real
** contents have been.
*/
static Frame *enter (Reader *r, Frame *f, int kind, const char *p) {
  lua_State *L = r->L;
  int depth = (int)(f - r->frames) + 1;
  unsigned short context = f->kind >= MAP ? f->last : f->context;
  unsigned *size = last_size(r, context, kind), hint = *size;
  int slot = f->slot + 1 + values_above(f);
  if (depth > r->max_depth || !has_room(r, slot)) {
    r->limit = "max_depth";
    json_fail(r, p, "nested too deeply");
    return NULL;
  }
  if (depth == r->room) {
    Frame *grown = lua_newuserdata(L, 2 * (size_t)depth * sizeof(Frame));
    memcpy(grown, r->frames, (size_t)depth * sizeof(Frame));
    lua_replace(L, r->base + SPILL);
    r->frames = grown;
    r->room = 2 * depth;
  }
  if (r->end - p > 1 && (p[1] == ']' || p[1] == '}'))
    hint = 0; /* empty: the next one may not be */
  else
    *size = 0;
  if (hint > MAX_HINT)
    hint = MAX_HINT;
  if (hint > (size_t)(r->end - p) / 2)
    hint = (unsigned)((r->end - p) / 2);
  f = r->frames + depth;
  f->count = 0;
  f->slot = slot;
  if (HAVE_FAST_CONSTRUCTORS) {
    f->first = f[-1].first + f[-1].keys;
    f->keys = 0;
  }
  f->context = context;
  f->last = 0;
  f->kind = (unsigned char)kind;
  f->keep = f->child = f[-1].child;
  if (kind == LIST) {
    lua_createtable(L, (int)hint, 0);
    lua_pushvalue(L, r->base + MARK);
    lua_setmetatable(L, -2);
    return f;
  }
  if (HAVE_FAST_CONSTRUCTORS && f->first <= FIELDS_OPEN - FIELDS &&
      (f->shape = r->cache->key[context].shape) != 0) {
    f->kind = ROW;
    f->apart = 0;
    f->next = r->cache->shape[f->shape].key[0];
    lua_rawgeti(L, r->base + NAMES, KEYS + f->shape);
    return f;
  }
  predict_key(r, f);
  lua_createtable(L, 0, (int)hint);
  return f;
}

/*
** Leaves out the member whose key and null are on top. It also removes an
** earlier member with the same key, which it replaces.
*/
static void drop_member (lua_State *L) {
  lua_pop(L, 1);
  lua_pushvalue(L, -1);
  lua_rawget(L, -3);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 2);
  } else {
    lua_pop(L, 1);
    lua_pushnil(L);
    lua_rawset(L, -3);
  }
}

static int is_late (Reader *r, const char *p) {
  r->checkpoint = r->end - p > CLOCK_STEP ? p + CLOCK_STEP : r->end;
  if (r->spent != NULL && p - r->spent >= DISCARD_STEP)
    r->spent = pages_discard(r->spent, r->spent + (p - r->spent));
  if (clock_seconds() <= r->deadline)
    return 0;
  r->limit = "max_seconds";
  json_fail(r, p, "not read in time");
  return 1;
}

static inline int starts_with (const char *p, const char *end, const char *word,
                               size_t len) {
  return (size_t)(end - p) >= len && memcmp(p, word, len) == 0;
}

static const char *read_word (Reader *r, const char *p) {
  if (starts_with(p, r->end, "true", 4)) {
    lua_pushboolean(r->L, 1);
    return p + 4;
  }
  if (starts_with(p, r->end, "false", 5)) {
    lua_pushboolean(r->L, 0);
    return p + 5;
  }
  if (starts_with(p, r->end, "null", 4)) {
    lua_pushlightuserdata(r->L, NULL);
    return p + 4;
  }
  return json_fail(r, p, "expected a value");
}

/*
** Reads one value and leaves it on the stack; returns the position after it,
** or NULL. An open container is on the stack; in an object, the key of the
** value that is being read is above it.
*/
static const char *read_value (Reader *r, const char *p) {
  lua_State *L = r->L;
  const char *end = r->end, *s;
  Frame *f = r->frames;
  size_t len;
  int null;
value:
  p = skip_space(p, end);
  if (p == end)
    return json_fail(r, p, "unexpected end of the text");
  switch (*p) {
    case '"':
      if ((p = read_string(r, p + 1, &s, &len)) == NULL)
        return NULL;
      lua_pushlstring(L, s, len);
      break;
    case '{':
      if ((f = enter(r, f, MAP, p)) == NULL)
        return NULL;
      p = skip_space(p + 1, end);
      if (p < end && *p == '}')
        goto leave;
      goto member;
    case '[':
      if ((f = enter(r, f, LIST, p)) == NULL)
        return NULL;
      p = skip_space(p + 1, end);
      if (p < end && *p == ']')
        goto leave;
      goto value;
    case 't':
    case 'f':
    case 'n':
      null = *p == 'n';
      if ((p = read_word(r, p)) == NULL)
        return NULL;
      if (null && f->kind == MAP && !f->child) {
        drop_member(L);
        goto stored;
      }
      if (null && f->kind == ROW && !f->child) {
        lua_pop(L, 1);
        lua_pushnil(L);
      }
      break;
    default:
      if ((p = json_readnumber(r, p)) == NULL)
        return NULL;
  }
store:
  if (f->kind == MAP) {
    lua_rawset(L, -3);
    f->count++;
  } else if (f->kind == LIST) {
    if (f->count == INT_MAX)
      return json_fail(r, p, "too many elements");
    lua_rawseti(L, -2, (int)++f->count);
  } else if (HAVE_FAST_CONSTRUCTORS && f->kind == ROW) {
    f->count++;
  } else {
    return p;
  }
stored:
  if (p > r->checkpoint && is_late(r, p))
    return NULL;
  p = skip_space(p, end);
  if (p < end && *p == ',') {
    p++;
    if (f->kind == LIST)
      goto value;
    p = skip_space(p, end);
    goto member;
  }
  if (p < end && *p == (f->kind == LIST ? ']' : '}'))
    goto leave;
  return json_fail(
      r, p, f->kind == LIST ? "expected ',' or ']'" : "expected ',' or '}'");
member:
  if (p == end || *p != '"')
    return json_fail(r, p, "expected a key in quotes");
  if ((p = read_key(r, f, p + 1)) == NULL)
    return NULL;
  goto value;
leave:
  p++;
  if (f->count > 0) { /* an empty container predicts nothing */
    *last_size(r, f->context, f->kind) = f->count;
    if (HAVE_FAST_CONSTRUCTORS && f->kind == MAP && f->keys <= FIELDS)
      json_learnshape(r, f);
  }
  if (HAVE_FAST_CONSTRUCTORS && f->kind == ROW)
    json_makerow(r, f);
  f--;
  goto store;
}

/* Takes the cache of the decoder, or a new one if it is in use. */
static void take_cache (Reader *r) {
  lua_State *L = r->L;
  lua_rawgeti(L, r->base + HELD, HELD_CACHE);
  r->cache = lua_touserdata(L, -1);
  if (r->cache == NULL || r->cache->busy) {
    lua_pop(L, 1);
    r->cache = lua_newuserdata(L, sizeof(Cache));
    memset(r->cache, 0, sizeof(Cache));
    lua_createtable(L, SCRATCH, 0);
    setattached(L, -2);
    lua_pushvalue(L, -1);
    lua_rawseti(L, r->base + HELD, HELD_CACHE);
  }
  r->cache->busy = 1;
  getattached(L, -1);
}

static void release_cache (Reader *r) {
  Cache *c = r->cache;
  c->busy = 0;
  if (c->size > MAX_SCRATCH) {
    lua_pushnil(r->L);
    lua_rawseti(r->L, r->base + NAMES, SCRATCH);
    c->scratch = NULL;
    c->size = 0;
  }
}

/* Initialises a reader for one call; `top` is the frame of the text itself. */
static void prepare (Reader *r, lua_State *L, int decoder, Frame *top,
                     const Source *source) {
  const Decoder *d = lua_touserdata(L, decoder);
  luaL_checkstack(L, STACK, "JSON text");
  memset(r, 0, offsetof(Reader, fields));
  memset(top, 0, sizeof(*top));
  top->keep = top->child = (unsigned char)d->keep_null;
  r->L = L;
  r->end = r->checkpoint = source->s + source->len; /* never passed */
  r->deadline = HUGE_VAL;
  r->spent = source->spent;
  if (d->max_seconds < HUGE_VAL)
    r->deadline = clock_seconds() + d->max_seconds;
  if (d->max_seconds < HUGE_VAL || r->spent != NULL)
    r->checkpoint = source->s;
  r->frames = top;
  r->room = FRAMES;
  r->max_depth = d->max_depth;
  r->base = lua_gettop(L);
  r->top = r->base + STACK;
  r->shapes_left = d->max_depth <= MAX_SHAPED_DEPTH ? MAX_NEW_SHAPES : 0;
  top->slot = r->base + SLOTS;
  getattached(L, decoder);
  take_cache(r);
  lua_rawgeti(L, r->base + HELD, HELD_ARRAY);
  lua_pushnil(L); /* more frames */
}

int json_read (lua_State *L, int decoder, const Source *source) {
  Frame frames[FRAMES];
  Reader r;
  const char *s = source->s, *p;
  prepare(&r, L, decoder, frames, source);
  if (starts_with(s, r.end, "\xEF\xBB\xBF", 3)) {
    p = json_fail(&r, s, "byte order mark");
  } else {
    p = read_value(&r, s);
    if (p != NULL && (p = skip_space(p, r.end)) != r.end)
      p = json_fail(&r, p, "unexpected text after the value");
  }
  release_cache(&r);
  if (p != NULL) {
    lua_replace(L, r.base + 1);
    lua_settop(L, r.base + 1);
    return 1;
  }
  lua_settop(L, r.base);
  lua_pushnil(L);
  lua_pushstring(L, r.message);
  lua_pushinteger(L, (lua_Integer)(r.blame - s) + 1);
  if (r.limit == NULL)
    return 3;
  lua_pushstring(L, r.limit);
  return 4;
}
