/*
** shape.c - fast creation of objects with the same keys in the same order: each
** is made by one call of a generated Lua function, its constructor. On LuaJIT
** that takes half the time of storing member by member.
*/
#include "reader.h"

#include <stdio.h>

/* Objects of one shape before making a constructor is worth its cost. */
#define ENOUGH 8

/* Entries of the table in which a shape may be. */
#define PROBES 4

/*
** Finds the entry of a shape and sets *found; else returns an entry to use for
** it, or 0 if all possible entries have constructors of other shapes.
*/
static unsigned find_shape (const Cache *c, const unsigned short *key,
                            unsigned count, int *found) {
  uint64_t h = count;
  unsigned i, n, entry = 0;
  for (i = 0; i < count; i++)
    h = (h ^ key[i]) * UINT64_C(0x9E3779B97F4A7C15);
  *found = 1;
  for (i = 0; i < PROBES; i++) {
    const Shape *s;
    n = 1 + ((unsigned)(h >> 58) + i) % SHAPES;
    s = c->shape + n;
    if (s->count == count && memcmp(s->key, key, count * sizeof(*key)) == 0)
      return n;
    if (!s->made &&
        (entry == 0 || (s->count == 0 && c->shape[entry].count != 0)))
      entry = n;
  }
  *found = 0;
  return entry;
}

static int has_distinct_keys (const unsigned short *key, unsigned count) {
  unsigned i, j;
  for (i = 0; i < count; i++)
    for (j = 0; j <= i; j++)
      if (key[i] == 0 || (j < i && key[j] == key[i]))
        return 0;
  return 1;
}

/*
** Pushes function(a, b) return {["key"] = a, ["other"] = b} end. Keys are
** written byte by byte as decimal escapes, so that no key can break out of its
** string. The function is not JIT-compiled: its arguments differ in type from
** call to call, so its traces would displace those of the program.
*/
static int push_constructor (Reader *r, const Shape *s) {
  lua_State *L = r->L;
  luaL_Buffer b;
  char text[16];
  unsigned i, j;
  luaL_buffinit(L, &b);
  luaL_addstring(&b, "return function(");
  for (i = 0; i < s->count; i++) {
    snprintf(text, sizeof(text), i == 0 ? "a%u" : ",a%u", i);
    luaL_addstring(&b, text);
  }
  luaL_addstring(&b, ")return{");
  for (i = 0; i < s->count; i++) {
    const Key *k = r->cache->key + s->key[i];
    luaL_addstring(&b, "[\"");
    for (j = 0; j < k->len; j++) {
      snprintf(text, sizeof(text), "\\%03u", (unsigned char)k->text[j]);
      luaL_addlstring(&b, text, 4);
    }
    snprintf(text, sizeof(text), "\"]=a%u,", i);
    luaL_addstring(&b, text);
  }
  luaL_addstring(&b, "}end");
  luaL_pushresult(&b);
  if (luaL_loadbuffer(L, lua_tostring(L, -1), lua_rawlen(L, -1), "=json") !=
      0) {
    lua_pop(L, 2);
    return 0;
  }
  lua_call(L, 0, 1);
  lua_pushcfunction(L, compat_nojit);
  lua_replace(L, -3); /* the source */
  if (lua_pcall(L, 1, 1, 0) != 0) {
    lua_pop(L, 1);
    return 0;
  }
  return 1;
}

void json_learnshape (Reader *r, const Frame *f) {
  Cache *c = r->cache;
  const unsigned short *key = r->fields + f->first;
  unsigned n;
  int found;
  Shape *s;
  if (f->keys == 0 || f->first + f->keys > FIELDS_OPEN)
    return;
  n = find_shape(c, key, f->keys, &found);
  s = c->shape + n;
  if (!found) {
    if (n == 0 || !has_distinct_keys(key, f->keys))
      return;
    s->count = (unsigned char)f->keys;
    s->seen = 0;
    memcpy(s->key, key, f->keys * sizeof(*key));
    s->key[f->keys] = 0;
    return;
  }
  if (!s->made) {
    if (++s->seen < ENOUGH || r->shapes_left == 0)
      return;
    s->seen = 0;
    r->shapes_left--;
    if (!push_constructor(r, s))
      return;
    lua_rawseti(r->L, r->base + NAMES, (int)(KEYS + n));
    s->made = 1;
  }
  c->key[f->context].shape = (unsigned char)n;
}

/* Replaces the slot of a ROW by a table with the values above the slot. */
static void fill_table (Reader *r, const Frame *f) {
  lua_State *L = r->L;
  int i;
  lua_createtable(L, 0, (int)f->count);
  lua_replace(L, f->slot);
  for (i = 0; i < (int)f->count; i++) {
    lua_rawgeti(L, r->base + NAMES, r->fields[f->first + i]);
    lua_pushvalue(L, f->slot + 1 + i);
    lua_rawset(L, f->slot); /* in their order: the last of equal keys wins */
  }
}

void json_partshape (Reader *r, Frame *f) {
  const Shape *s = r->cache->shape + f->shape;
  memcpy(r->fields + f->first, s->key, f->keys * sizeof(*s->key));
  f->apart = 1;
}

void json_makerow (Reader *r, Frame *f) {
  lua_State *L = r->L;
  Cache *c = r->cache;
  if (!f->apart && f->count != c->shape[f->shape].count)
    json_partshape(r, f);
  if (f->apart) {
    const unsigned short *key = r->fields + f->first;
    int found;
    unsigned n = find_shape(c, key, f->count, &found);
    if (!found || !c->shape[n].made) {
      fill_table(r, f);
      lua_settop(L, f->slot);
      c->key[f->context].shape = 0;
      if (f->count > 0)
        json_learnshape(r, f);
      return;
    }
    c->key[f->context].shape = (unsigned char)n;
    lua_rawgeti(L, r->base + NAMES, (int)(KEYS + n));
    lua_replace(L, f->slot);
  }
  lua_call(L, (int)f->count, 1);
}

void json_leaverow (Reader *r, Frame *f) {
  lua_State *L = r->L;
  fill_table(r, f);
  if (f->count > 0)
    lua_replace(L, f->slot + 1);
  lua_settop(L, f->slot + 1);
  f->kind = MAP;
  r->cache->key[f->context].shape = 0;
}
