/*
** write_key.c - the keys of objects, and the cache of how they are written.
*/
#include "writer.h"

#include <string.h>

/* The entry with `wanted` among those that the name may have, or NULL. */
static Name *find_entry (Encoder *e, const void *id, const void *wanted) {
  unsigned slot = name_slot(id), way;
  for (way = 0; way < WAYS; way++)
    if (e->names[slot ^ way].id == wanted)
      return e->names + (slot ^ way);
  return NULL;
}

/* Caches how the key below the value on top is written: the len bytes at text.
** id: what identifies it. */
static void cache_name (Writer *w, const void *id, const char *text,
                        size_t len) {
  lua_State *L = w->L;
  Encoder *e = w->encoder;
  Name *name = find_entry(e, id, e);
  if (name == NULL && ++e->crowded % 8 != 0)
    return; /* keep the entries while many names want them */
  if (name == NULL)
    name = e->names + name_slot(id);
  getattached(L, w->holder);
  lua_pushvalue(L, -3);
  lua_rawseti(L, -2, (int)(name - e->names) + 1);
  lua_pop(L, 1);
  memcpy(name->text, text, len);
  name->len = (unsigned)len;
  name->id = id;
}

/* Writes a key that is not cached. */
static char *put_newkey (Writer *w, char *out, const void *id) {
  const Level *l = w->top;
  const char *s;
  size_t len, start;
  if (lua_type(w->L, -2) == LUA_TNUMBER)
    return json_table_error(w, l->marked ? "an object has a number key"
                                         : MIXED_TABLE);
  if (lua_type(w->L, -2) != LUA_TSTRING)
    return json_table_error(w, "a key is neither a string nor a list index");
  s = lua_tolstring(w->L, -2, &len);
  out = room(w, out, STRING_SIZE(len));
  start = (size_t)(out - w->out->data);
  if ((out = put_string(w, out, s, len)) == NULL)
    return json_table_error(w, "a key is not valid UTF-8");
  *out++ = ':';
  len = (size_t)(out - w->out->data) - start;
  if (id != NULL && len <= NAME_SIZE)
    cache_name(w, id, w->out->data + start, len);
  return out;
}

char *json_putkey (Writer *w, char *out, const void *id) {
  const Name *name = find_entry(w->encoder, id, id);
  if (name == NULL)
    return put_newkey(w, out, id);
  memcpy(out, name->text, NAME_SIZE);
  return out + name->len;
}
