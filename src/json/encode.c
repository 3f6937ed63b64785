/*
** encode.c - Lua values to JSON text. Reads tables raw and calls no Lua code. A
** value that JSON cannot represent exactly is an error, with its path. The
** caller owns the text; only the encoder, a userdata of the Lua state, outlives
** a call.
*/
#include "json.h"
#include "number.h"
#include "writer.h"

#include <math.h>
#include <string.h>

char *json_grow (Writer *w, char *out, size_t more) {
  Buffer *b = w->out;
  b->len = (size_t)(out - b->data);
  if (buffer_reserve(b, more) != 0)
    luaL_error(w->L, "not enough memory");
  w->end = b->data + b->size;
  return b->data + b->len;
}

/*
** {======================================================
** Scalars
** =======================================================
*/

static char *put_number (Writer *w, char *out) {
  lua_Number d;
#if HAVE_LUA_INTEGER
  if (lua_isinteger(w->L, -1))
    return out + json_printinteger(out, (int64_t)lua_tointeger(w->L, -1));
  d = lua_tonumber(w->L, -1);
#else
  d = lua_tonumber(w->L, -1);
  /* A double with an integral value is written as an integer. */
  if (d >= -9007199254740992.0 && d <= 9007199254740992.0) {
    int64_t n = (int64_t)d;
    if ((lua_Number)n == d && (n != 0 || 1 / d > 0))
      return out + json_printinteger(out, n);
  }
#endif
  if (d != d)
    return json_value_error(w, "NaN is not a JSON value");
  if (d - d != 0)
    return json_value_error(w, "infinity is not a JSON value");
  return out + json_printfloat(out, d);
}

static char *put_word (char *out, const char *s, size_t len) {
  memcpy(out, s, len);
  return out + len;
}

static char *put_userdata (Writer *w, char *out) {
  lua_State *L = w->L;
  const Literal *n = lua_touserdata(L, -1);
  const char *word;
  if (n == NULL)
    return put_word(out, "null", 4);
  if (lua_type(L, -1) == LUA_TUSERDATA && lua_getmetatable(L, -1)) {
    const void *mt = lua_topointer(L, -1);
    lua_pop(L, 1);
    if (mt == w->encoder->number || mt == w->encoder->raw)
      return put_word(room(w, out, n->len + SPARE), n->text, n->len);
  }
  if ((word = json_interop_value(L)) != NULL)
    return put_word(out, word, strlen(word));
  return json_value_error(w, "a userdata cannot be encoded");
}

/* }====================================================== */

/*
** {======================================================
** Tables
** =======================================================
*/

/* What the metatable on top says about the table below it: LIST, MAP, OPEN. */
static int marked_as (Writer *w) {
  const void *mt = lua_topointer(w->L, -1);
  if (mt == w->encoder->array)
    return LIST;
  if (mt == w->encoder->object)
    return MAP;
  return json_interop_mark(w->L);
}

/*
** To be called when lua_next yields the indices of a list out of order: checks
** that they are 1..n, and changes to traversal by index. On top: the key out of
** order and its value. Returns 0 on an error.
*/
static int check_list (Writer *w, Level *l) {
  lua_State *L = w->L;
  lua_Number highest = 0, key;
  unsigned count = 0, others = 0;
  const char *error = NULL;
  lua_settop(L, l->at);
  lua_pushnil(L);
  while (error == NULL && lua_next(L, l->at) != 0) {
    lua_pop(L, 1);
    if (lua_type(L, -1) != LUA_TNUMBER) {
      others++;
      continue;
    }
    key = lua_tonumber(L, -1);
    if (!(key >= 1 && key == floor(key)))
      error = "a number key is not a list index";
    if (key > highest)
      highest = key;
    count++;
  }
  if (error == NULL && others > 0)
    error = count > 0 ? MIXED_TABLE : "an array has no list indices";
  if (error == NULL && highest != (lua_Number)count)
    error = "a list has holes";
  if (error != NULL) {
    json_table_error(w, error);
    return 0;
  }
  l->count = count;
  l->kind = INDEXED;
  lua_pushnil(L); /* instead of the key */
  return 1;
}

/*
** Finds a table that contains itself, and makes the level that has it a second
** time the innermost one. Returns whether there is one.
*/
static int has_cycle (Writer *w) {
  Level *l, *outer;
  for (l = w->levels + 1; l <= w->top; l++) {
    l->table = lua_topointer(w->L, l->at);
    for (outer = w->levels + 1; outer < l; outer++)
      if (outer->table == l->table) {
        w->top = l;
        return 1;
      }
  }
  return 0;
}

/*
** Makes room for more levels. What contains itself nests without an end: it is
** looked for only here, when the depth has doubled, since it would take as long
** for each table as reading one of its fields. Returns 0 on an error.
*/
static int deepen (Writer *w) {
  lua_State *L = w->L;
  size_t used = (size_t)(w->top - w->levels) + 1;
  Level *l;
  if (has_cycle(w)) {
    w->top--;
    return json_value_error(w, "a table contains itself") != NULL;
  }
  if (used > JSON_MAX_DEPTH || !lua_checkstack(L, 2 * (int)used + VALUE_STACK))
    return json_value_error(w, "nested too deeply") != NULL;
  l = lua_newuserdata(L, 2 * used * sizeof(Level));
  memcpy(l, w->levels, used * sizeof(Level));
  lua_replace(L, w->base + SPILL);
  w->levels = l;
  w->top = l + used - 1;
  w->last = l + (2 * used > JSON_MAX_DEPTH ? JSON_MAX_DEPTH : 2 * used - 1);
  return 1;
}

/*
** Opens the table on top, which stays there, and pushes nil as its key. Returns
** 0 on an error.
*/
static inline int open_table (Writer *w) {
  lua_State *L = w->L;
  Level *l;
  int at;
  if (w->top == w->last && !deepen(w))
    return 0;
  l = w->top + 1;
  at = l[-1].at + 2;
  l->at = at;
  l->index = 0;
  l->kind = OPEN;
  l->marked = 0;
  w->top = l;
  if (lua_getmetatable(L, at)) {
    l->kind = (unsigned char)marked_as(w);
    l->marked = l->kind != OPEN;
    lua_settop(L, at);
  }
  lua_pushnil(L);
  return 1;
}

/* Is the key below the value on top this index? */
static inline int is_index (lua_State *L, unsigned index) {
#if HAVE_LUA_INTEGER
  return lua_isinteger(L, -2) && lua_tointeger(L, -2) == (lua_Integer)index;
#else
  return lua_type(L, -2) == LUA_TNUMBER &&
         lua_tonumber(L, -2) == (lua_Number)index;
#endif
}

/* Writes the key below the value on top. */
static inline char *put_key (Writer *w, char *out, const void *id) {
  unsigned slot = name_slot(id);
  const Name *name = w->encoder->names + slot;
  if (name->id != id)
    name = w->encoder->names + (slot ^ 1);
  if (name->id != id)
    return json_putkey(w, out, id);
  memcpy(out, name->text, NAME_SIZE);
  return out + name->len;
}

/* }====================================================== */

/* Writes the value on top, which is neither a string nor a table. */
static char *put_other (Writer *w, char *out, int type) {
  lua_State *L = w->L;
  switch (type) {
    case LUA_TNUMBER:
      return put_number(w, out);
    case LUA_TBOOLEAN:
      if (lua_toboolean(L, -1))
        return put_word(out, "true", 4);
      return put_word(out, "false", 5);
    case LUA_TLIGHTUSERDATA:
    case LUA_TUSERDATA:
      return put_userdata(w, out);
    case LUA_TNIL:
      return json_value_error(w, "nil is not a JSON value");
    default:
      lua_pushfstring(L, "a %s cannot be encoded", luaL_typename(L, -1));
      return json_value_error(w, lua_tostring(L, -1));
  }
}

/*
** Writes the value on top and pops it. An open table is on the stack; above it
** is the key of the value that is being written. A comma follows each value,
** which the bracket at the end of a table replaces.
*/
static char *write_value (Writer *w, char *out) {
  lua_State *L = w->L;
  Level *l = w->top;
  const void *id;
  const char *s;
  size_t len;
  int type;
value:
  type = lua_type(L, -1);
  if (type == LUA_TSTRING) {
    s = lua_tolstring(L, -1, &len);
    out = put_string(w, room(w, out, STRING_SIZE(len)), s, len);
    if (out == NULL)
      return json_value_error(w, "a string is not valid UTF-8");
  } else if (type == LUA_TTABLE) {
    if (!open_table(w))
      return NULL;
    l = w->top;
    out = room(w, out, SPARE);
    if (!lua_next(L, l->at)) {
      *out++ = l->kind == LIST ? '[' : '{';
      out++; /* as if a comma were there */
      goto leave;
    }
    id = key_id(L);
    if (l->kind == OPEN)
      l->kind = id == NULL && lua_type(L, -2) == LUA_TNUMBER ? LIST : MAP;
    if (l->kind == MAP) {
      *out++ = '{';
      goto key;
    }
    *out++ = '[';
    goto element;
  } else {
    if ((out = put_other(w, out, type)) == NULL)
      return NULL;
    out = room(w, out, SPARE);
  }
  *out++ = ',';
  lua_pop(L, 1);
next:
  if (l->kind == MAP) {
    if (!lua_next(L, l->at))
      goto leave;
    id = key_id(L);
  key:
    if ((out = put_key(w, out, id)) == NULL)
      return NULL;
    goto value;
  }
  if (l->kind == LIST) {
    if (!lua_next(L, l->at))
      goto leave;
  element:
    if (is_index(L, l->index + 1)) {
      l->index++;
      goto value;
    }
    if (!check_list(w, l))
      return NULL;
  }
  if (l->kind == TEXT)
    return out - 1;
  if (l->index == l->count) /* it is INDEXED */
    goto leave;
  lua_rawgeti(L, l->at, (int)++l->index);
  goto value;
leave:
  out[-1] = l->kind == LIST || l->kind == INDEXED ? ']' : '}';
  *out++ = ',';
  out = room(w, out, SPARE);
  lua_settop(L, l->at - 1);
  w->top = --l;
  goto next;
}

int json_encodeby (lua_State *L, int holder, int idx, Buffer *buffer) {
  Level levels[LEVELS];
  Writer w;
  char *out;
  size_t len = buffer->len;
  if (buffer_reserve(buffer, SPARE) != 0)
    return luaL_error(L, "not enough memory");
  luaL_checkstack(L, SLOTS + 2 * LEVELS + VALUE_STACK, "JSON value");
  w.L = L;
  w.out = buffer;
  w.end = buffer->data + buffer->size;
  w.encoder = lua_touserdata(L, holder);
  w.holder = holder;
  w.levels = w.top = levels;
  w.last = levels + LEVELS - 1;
  w.base = lua_gettop(L);
  levels[0].kind = TEXT;
  levels[0].at = w.base + SLOTS - 1;
  lua_pushnil(L); /* more levels */
  lua_pushvalue(L, idx);
  out = write_value(&w, buffer->data + len);
  if (out != NULL) {
    buffer->len = (size_t)(out - buffer->data);
    lua_settop(L, w.base);
    return 0;
  }
  buffer->len = len;
  lua_replace(L, w.base + 2); /* the path */
  lua_replace(L, w.base + 1); /* the message */
  lua_settop(L, w.base + 2);
  return 2;
}

int json_encode (lua_State *L, int idx, Buffer *buffer) {
  int n, top;
  idx = lua_absindex(L, idx);
  lua_getfield(L, LUA_REGISTRYINDEX, JSON_ENCODER);
  top = lua_gettop(L);
  n = json_encodeby(L, top, idx, buffer);
  lua_remove(L, top);
  return n;
}

static const void *metatable (lua_State *L, const char *name) {
  const void *p;
  luaL_getmetatable(L, name);
  p = lua_topointer(L, -1);
  lua_pop(L, 1);
  return p;
}

void json_newencoder (lua_State *L) {
  Encoder *e = lua_newuserdata(L, sizeof(Encoder));
  int i;
  memset(e, 0, sizeof(*e));
  for (i = 0; i < NAMES; i++)
    e->names[i].id = e;
  e->array = metatable(L, JSON_ARRAY);
  e->object = metatable(L, JSON_OBJECT);
  e->number = metatable(L, JSON_NUMBER);
  e->raw = metatable(L, JSON_RAW);
  lua_createtable(L, NAMES, 0);
  setattached(L, -2);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, JSON_ENCODER);
}
