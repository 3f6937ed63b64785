/*
** key_cache.c - the keys that a decoder has read before: their bytes are in the
** cache, their Lua strings in the list attached to it.
*/
#include "reader.h"

/* Buckets of the hash table to try before a key is not cached. */
#define MAX_PROBES 8

static inline uint64_t load (const char *p, size_t n) {
  uint64_t x = 0;
  memcpy(&x, p, n);
  return x;
}

static unsigned hash_key (const char *s, size_t len) {
  uint64_t a, b;
  if (len >= 8) {
    a = load(s, 8);
    b = load(s + len - 8, 8);
  } else if (len >= 4) {
    a = load(s, 4);
    b = load(s + len - 4, 4);
  } else {
    a = len > 0 ? (unsigned char)s[0] : 0;
    b = len > 0 ? load(s + len - 1, 1) + (load(s + len / 2, 1) << 8) : 0;
  }
  a = (a ^ (uint64_t)len << 56) * UINT64_C(0x9E3779B97F4A7C15);
  a = (a ^ (a >> 29) ^ b) * UINT64_C(0xBF58476D1CE4E5B9);
  return (unsigned)(a >> 40) & (BUCKETS - 1);
}

/* Is the string on top a name of free JSON, below which every null is kept? */
static int is_free (Reader *r) {
  int yes;
  lua_rawgeti(r->L, r->base + HELD, HELD_FREE);
  lua_pushvalue(r->L, -2);
  lua_rawget(r->L, -2);
  yes = lua_toboolean(r->L, -1);
  lua_pop(r->L, 2);
  return yes;
}

/*
** Forgets all keys and shapes, and returns 1. Not while a ROW is open, whose
** keys are stored only by their numbers. No shape is learnt from the objects
** that are open now.
*/
static int start_over (Reader *r, const Frame *last) {
  Frame *f;
  for (f = r->frames; f <= last; f++)
    if (f->kind == ROW)
      return 0;
  for (f = r->frames; f <= last; f++) {
    f->keys = FIELDS + 1;
    f->next = 0;
  }
  memset(&r->cache->count, 0, sizeof(Cache) - offsetof(Cache, count));
  return 1;
}

/*
** A key with escapes is not cached: its decoded bytes are not those of the
** text, and might even be the text of another key.
*/
unsigned json_pushkey (Reader *r, Frame *f, const char *s, size_t len) {
  Cache *c = r->cache;
  Key *k;
  unsigned b, probes, n;
  if (len > KEY_SIZE - KEY_TAIL || s == r->cache->scratch) {
    lua_pushlstring(r->L, s, len);
    f->child = f->keep || is_free(r);
    return 0;
  }
  b = hash_key(s, len);
  for (probes = 0; (n = c->bucket[b]) != 0 && probes < MAX_PROBES; probes++) {
    k = c->key + n;
    if (k->len == len && memcmp(k->text, s, len) == 0) {
      lua_rawgeti(r->L, r->base + NAMES, (int)n);
      f->child = f->keep | k->free;
      return n;
    }
    b = (b + 1) & (BUCKETS - 1);
  }
  lua_pushlstring(r->L, s, len);
  f->child = f->keep || is_free(r);
  if (n != 0) /* all buckets in use: by chance, or by keys made to collide */
    return 0;
  if (c->count == KEYS) {
    if (!start_over(r, f))
      return 0;
    b = hash_key(s, len);
  }
  n = ++c->count;
  c->bucket[b] = (unsigned short)n;
  k = c->key + n;
  memcpy(k->text, s, len);
  memcpy(k->text + len, "\":", KEY_TAIL);
  k->len = (unsigned char)len;
  k->free = f->keep ? (unsigned char)is_free(r) : f->child;
  lua_pushvalue(r->L, -1);
  lua_rawseti(r->L, r->base + NAMES, (int)n);
  return n;
}
