/*
** write_key.c - the keys of objects, and the cache of how they are written.
*/
#include "writer.h"

#include <string.h>

/* The other entry that a name may have. */
static Name *neighbour (Encoder *e, const Name *name) {
  return e->names + ((name - e->names) ^ 1);
}

/* Caches how the key below the value on top is written: the len bytes at text.
** id: what identifies it. */
static void cache_name (Writer *w, const void *id, const char *text,
                        size_t len) {
  lua_State *L = w->L;
  Encoder *e = w->encoder;
  Name *name = find_name(e, id);
  if (name->id != e && neighbour(e, name)->id == e)
    name = neighbour(e, name);
  if (name->id != e && ++e->crowded % 8 != 0)
    return; /* keep the entry while many names, or three in turn, want it */
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
  const Name *name = neighbour(w->encoder, find_name(w->encoder, id));
  if (name->id != id)
    return put_newkey(w, out, id);
  memcpy(out, name->text, NAME_SIZE);
  return out + name->len;
}
