/*
** json_encode.c - Lua values to JSON text. Reads tables raw and calls no Lua
** code; what it cannot say exactly it refuses, with the path to the value.
*/
#include "json_number.h"
#include "json_scan.h"
#include "json_types.h"

#include <math.h>
#include <string.h>

enum {
  LIST,    /* by lua_next, as long as the indices come in order */
  INDEXED, /* by index, after all of them have been checked */
  MAP,
  OPEN /* not marked: the first key will tell */
};

/* A table that is open. On the stack, from `at` on: the table, the last key. */
typedef struct Level {
  const void *table; /* for finding cycles */
  int at;
  unsigned index; /* of the last element; members written */
  unsigned count; /* of elements, where INDEXED */
  unsigned char kind;
  unsigned char marked; /* by a metatable */
} Level;

#define LEVELS 32 /* on the C stack; deeper ones go into a userdata */

typedef struct Writer {
  lua_State *L;
  Buffer *out;
  Level *levels;
  int depth, room;
  int base;                            /* the slots below count from here */
  const void *array, *object, *number; /* metatables */
} Writer;

enum { SPILL = 1, SLOTS = SPILL };

/* Stack for looking at a value, beside the two slots of each level. */
#define VALUE_STACK 8

static void no_memory (lua_State *L) {
  luaL_error(L, "not enough memory");
}

static inline char *reserve (Writer *w, size_t more) {
  if (w->out->size - w->out->len < more && buffer_reserve(w->out, more) != 0)
    no_memory(w->L);
  return w->out->data + w->out->len;
}

static inline void put (Writer *w, const char *s, size_t len) {
  memcpy(reserve(w, len), s, len);
  w->out->len += len;
}

static inline void put_byte (Writer *w, char c) {
  *reserve(w, 1) = c;
  w->out->len++;
}

/*
** {======================================================
** The path to the value to blame
** =======================================================
*/

static int is_name (const char *s, size_t len) {
  size_t i;
  for (i = 0; i < len; i++) {
    char c = s[i];
    int letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && (i == 0 || c < '0' || c > '9'))
      return 0;
  }
  return len > 0;
}

/* Replaces message and path so far, on top, by those with one more step. */
static void add_step (lua_State *L, const Level *l) {
  const char *name;
  size_t len;
  if (l->kind == LIST || l->kind == INDEXED) {
    lua_pushfstring(L, "[%d]", (int)l->index);
  } else {
    name = lua_tolstring(L, l->at + 1, &len);
    if (is_name(name, len)) {
      lua_pushstring(L, lua_rawlen(L, -1) > 0 ? "." : "");
      lua_pushvalue(L, l->at + 1);
      lua_concat(L, 2);
    } else {
      lua_pushliteral(L, "[\"");
      lua_pushvalue(L, l->at + 1);
      lua_pushliteral(L, "\"]");
      lua_concat(L, 3);
    }
  }
  lua_concat(L, 2);
}

/* Pushes the path of the innermost table or, with a value, of that value. */
static int refuse (Writer *w, const char *message, int value) {
  lua_State *L = w->L;
  int steps = value ? w->depth : w->depth - 1;
  int i;
  lua_pushstring(L, message);
  lua_pushliteral(L, "");
  for (i = 0; i < steps; i++)
    add_step(L, w->levels + i);
  return -1;
}

/* }====================================================== */

/*
** {======================================================
** Scalars
** =======================================================
*/

/* Writes the escape for a control character, a quote or a backslash. */
static char *put_escape (char *out, char c) {
  static const char hex[] = "0123456789abcdef";
  const char *shorts = "btn?fr"; /* from \b to \r, but \v */
  *out++ = '\\';
  if (c == '"' || c == '\\') {
    *out++ = c;
  } else if (c >= '\b' && c <= '\r' && c != '\v') {
    *out++ = shorts[c - '\b'];
  } else {
    memcpy(out, "u00", 3);
    out[3] = hex[(unsigned char)c >> 4];
    out[4] = hex[c & 15];
    out += 5;
  }
  return out;
}

/* What put_string wants to be reserved for so many bytes. */
#define STRING_SIZE(len) ((len) + 40)

/*
** Writes s in quotes at out and returns where it ends, or NULL for invalid
** UTF-8. Room is kept for the bytes that are left, an escape, what scan_copy
** wants to spare, and three bytes for the caller.
*/
static char *put_string (Writer *w, char *out, const char *s, size_t len) {
  const char *end = s + len, *stop, *limit = w->out->data + w->out->size;
  int n;
  *out++ = '"';
  for (;;) {
    stop = scan_copy(out, s, end);
    out += stop - s;
    s = stop;
    if (s == end)
      break;
    if ((unsigned char)*s >= 0x80) {
      do {
        if ((n = utf8_sequence(s, end)) == 0)
          return NULL;
        if (end - s >= 4)
          memcpy(out, s, 4);
        else
          memcpy(out, s, (size_t)n);
        out += n;
        s += n;
      } while (s < end && (unsigned char)*s >= 0x80);
    } else {
      out = put_escape(out, *s++);
      if (limit - out < end - s + 32) {
        w->out->len = (size_t)(out - w->out->data);
        out = reserve(w, (size_t)(end - s) + (size_t)(end - s) / 4 + 64);
        limit = w->out->data + w->out->size;
      }
    }
  }
  *out++ = '"';
  return out;
}

static inline void advance (Writer *w, const char *out) {
  w->out->len = (size_t)(out - w->out->data);
}

static int put_number (Writer *w, int idx) {
  lua_Number d = lua_tonumber(w->L, idx);
  char *out = reserve(w, JSON_NUMBER_SIZE);
#if HAVE_LUA_INTEGER
  if (lua_isinteger(w->L, idx)) {
    w->out->len += json_printinteger(out, (int64_t)lua_tointeger(w->L, idx));
    return 0;
  }
#else
  /* A number that may stand for an integer goes out as one. */
  if (d >= -9007199254740992.0 && d <= 9007199254740992.0) {
    int64_t n = (int64_t)d;
    if ((lua_Number)n == d && (n != 0 || 1 / d > 0)) {
      w->out->len += json_printinteger(out, n);
      return 0;
    }
  }
#endif
  if (d != d)
    return refuse(w, "NaN is not a JSON value", 1);
  if (d - d != 0)
    return refuse(w, "infinity is not a JSON value", 1);
  w->out->len += json_printfloat(out, d);
  return 0;
}

/* The field of a loaded module or of a global table, without metamethods. */
static void push_field (lua_State *L, const char *table, const char *field) {
  if (!lua_istable(L, -1)) {
    lua_pushnil(L);
    return;
  }
  lua_pushstring(L, table);
  lua_rawget(L, -2);
  if (!lua_istable(L, -1))
    return;
  lua_pushstring(L, field);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

/* Is the value on top this field of the loaded cjson? */
static int is_cjson (lua_State *L, const char *field) {
  int i, same = 0;
  static const char *const names[] = {"cjson", "cjson.safe"};
  for (i = 0; i < 2 && !same; i++) {
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    push_field(L, names[i], field);
    same = !lua_isnil(L, -1) && lua_rawequal(L, -1, -3);
    lua_pop(L, 2);
  }
  return same;
}

/* Is the value on top this field of Neovim's vim? */
static int is_vim (lua_State *L, const char *field) {
  int same;
#if LUA_VERSION_NUM >= 502
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
#else
  lua_pushvalue(L, LUA_GLOBALSINDEX);
#endif
  push_field(L, "vim", field);
  same = !lua_isnil(L, -1) && lua_rawequal(L, -1, -3);
  lua_pop(L, 2);
  return same;
}

static int put_userdata (Writer *w) {
  lua_State *L = w->L;
  const void *mt = NULL;
  if (lua_touserdata(L, -1) == NULL) {
    put(w, "null", 4);
    return 0;
  }
  if (lua_getmetatable(L, -1)) {
    mt = lua_topointer(L, -1);
    lua_pop(L, 1);
  }
  if (lua_type(L, -1) == LUA_TUSERDATA && mt != NULL && mt == w->number) {
    const NumberText *n = lua_touserdata(L, -1);
    put(w, n->text, n->len);
  } else if (is_vim(L, "NIL")) {
    put(w, "null", 4);
  } else if (is_cjson(L, "empty_array")) {
    put(w, "[]", 2);
  } else {
    return refuse(w, "a userdata cannot be encoded", 1);
  }
  return 0;
}

/* }====================================================== */

/*
** {======================================================
** Tables
** =======================================================
*/

#define MIXED "a table has both list indices and other keys"

/* What the metatable on top says of the table below it, or OPEN. */
static int marked_as (Writer *w) {
  lua_State *L = w->L;
  const void *mt = lua_topointer(L, -1);
  if (mt == w->array)
    return LIST;
  if (mt == w->object)
    return MAP;
  if (is_cjson(L, "array_mt"))
    return LIST;
  if (is_cjson(L, "empty_array_mt")) {
    lua_pushnil(L);
    if (lua_next(L, -3) == 0)
      return LIST;
    lua_pop(L, 2);
  } else if (is_vim(L, "_empty_dict_mt")) {
    return MAP;
  }
  return OPEN;
}

/*
** The indices do not come in order: see that they are 1..n all the same, and
** go on by index. On top: the key that is out of order, and its value.
*/
static int check_list (Writer *w, Level *l) {
  lua_State *L = w->L;
  lua_Number highest = 0, key;
  unsigned count = 0, others = 0;
  lua_settop(L, l->at);
  for (lua_pushnil(L); lua_next(L, l->at) != 0; lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TNUMBER) {
      others++;
      continue;
    }
    key = lua_tonumber(L, -2);
    if (!(key >= 1 && key == floor(key)))
      return refuse(w, "a number key is not a list index", 0);
    if (key > highest)
      highest = key;
    count++;
  }
  if (others > 0)
    return refuse(w, count > 0 ? MIXED : "an array has no list indices", 0);
  if (highest != (lua_Number)count)
    return refuse(w, "a list has holes", 0);
  l->count = count;
  l->kind = INDEXED;
  lua_pushnil(L); /* in the place of the key */
  return 0;
}

/*
** Opens the table on top, which stays there, with nil for its first key. Its
** bracket is written with the first key.
*/
static int open_table (Writer *w) {
  lua_State *L = w->L;
  const void *table = lua_topointer(L, -1);
  Level *l = w->levels;
  int at = w->base + SLOTS + 1 + 2 * w->depth, kind = OPEN, i;
  for (i = 0; i < w->depth; i++)
    if (l[i].table == table)
      return refuse(w, "a table contains itself", 1);
  if (w->depth == JSON_MAX_DEPTH ||
      (w->depth % 16 == 15 && !lua_checkstack(L, 2 * 16 + VALUE_STACK)))
    return refuse(w, "nested too deeply", 1);
  if (w->depth == w->room) {
    l = lua_newuserdata(L, 2 * (size_t)w->room * sizeof(Level));
    memcpy(l, w->levels, (size_t)w->room * sizeof(Level));
    lua_replace(L, w->base + SPILL);
    w->levels = l;
    w->room *= 2;
  }
  if (lua_getmetatable(L, at)) {
    kind = marked_as(w);
    lua_settop(L, at);
  }
  lua_pushnil(L);
  l = w->levels + w->depth++;
  l->table = table;
  l->at = at;
  l->index = 0;
  l->kind = (unsigned char)kind;
  l->marked = kind != OPEN;
  return 0;
}

/* Writes the key below the value on top, and what stands in front of it. */
static int put_key (Writer *w, const Level *l) {
  size_t len;
  const char *s;
  char *out;
  int type = lua_type(w->L, -2);
  if (type == LUA_TNUMBER)
    return refuse(w, l->marked ? "an object has a number key" : MIXED, 0);
  if (type != LUA_TSTRING)
    return refuse(w, "a key is neither a string nor a list index", 0);
  s = lua_tolstring(w->L, -2, &len);
  out = reserve(w, STRING_SIZE(len));
  *out++ = l->index == 0 ? '{' : ',';
  if ((out = put_string(w, out, s, len)) == NULL)
    return refuse(w, "a key is not valid UTF-8", 0);
  *out++ = ':';
  advance(w, out);
  return 0;
}

/*
** Pushes the next value of the innermost table, after having written what
** stands in front of it. 1, or 0 when there is none, or -1.
*/
static int next_value (Writer *w, Level *l) {
  lua_State *L = w->L;
  if (l->kind != INDEXED) {
    if (lua_next(L, l->at) == 0)
      return 0;
    if (l->kind == OPEN)
      l->kind = lua_type(L, -2) == LUA_TNUMBER ? LIST : MAP;
    if (l->kind == MAP) {
      if (put_key(w, l) != 0)
        return -1;
      l->index++;
      return 1;
    }
    if ((lua_type(L, -2) != LUA_TNUMBER ||
         lua_tonumber(L, -2) != (lua_Number)(l->index + 1)) &&
        check_list(w, l) != 0)
      return -1;
  }
  if (l->kind == INDEXED) {
    if (l->index == l->count) {
      lua_pop(L, 1);
      return 0;
    }
    lua_rawgeti(L, l->at, (int)(l->index + 1));
  }
  put_byte(w, l->index == 0 ? '[' : ',');
  l->index++;
  return 1;
}

/* Writes the end of the innermost table, whose values are all written. */
static void close_table (Writer *w, const Level *l) {
  int list = l->kind == LIST || l->kind == INDEXED;
  if (l->index == 0)
    put_byte(w, list ? '[' : '{');
  put_byte(w, list ? ']' : '}');
  lua_pop(w->L, 1);
  w->depth--;
}

/* }====================================================== */

/* Writes the value on top; a table is only opened. */
static int put_value (Writer *w) {
  lua_State *L = w->L;
  size_t len;
  const char *s;
  char *out;
  switch (lua_type(L, -1)) {
    case LUA_TSTRING:
      s = lua_tolstring(L, -1, &len);
      out = put_string(w, reserve(w, STRING_SIZE(len)), s, len);
      if (out == NULL)
        return refuse(w, "a string is not valid UTF-8", 1);
      advance(w, out);
      return 0;
    case LUA_TNUMBER:
      return put_number(w, -1);
    case LUA_TBOOLEAN:
      if (lua_toboolean(L, -1))
        put(w, "true", 4);
      else
        put(w, "false", 5);
      return 0;
    case LUA_TTABLE:
      return open_table(w);
    case LUA_TLIGHTUSERDATA:
    case LUA_TUSERDATA:
      return put_userdata(w);
    case LUA_TNIL:
      return refuse(w, "nil is not a JSON value", 1);
    default:
      lua_pushfstring(L, "a %s cannot be encoded", luaL_typename(L, -1));
      return refuse(w, lua_tostring(L, -1), 1);
  }
}

static int write_text (Writer *w) {
  int more, depth;
  do {
    depth = w->depth;
    if (put_value(w) != 0)
      return -1;
    if (w->depth == depth)
      lua_pop(w->L, 1); /* it was a scalar */
    while (w->depth > 0) {
      Level *l = w->levels + w->depth - 1;
      more = next_value(w, l);
      if (more < 0)
        return -1;
      if (more)
        break;
      close_table(w, l);
    }
  } while (w->depth > 0);
  return 0;
}

static const void *metatable (lua_State *L, const char *name) {
  const void *p;
  luaL_getmetatable(L, name);
  p = lua_topointer(L, -1);
  lua_pop(L, 1);
  return p; /* the registry keeps it */
}

int json_encode (lua_State *L, int idx, Buffer *out) {
  Level levels[LEVELS];
  Writer w;
  size_t len = out->len;
  luaL_checkstack(L, SLOTS + 2 * 16 + VALUE_STACK, "JSON value");
  idx = lua_absindex(L, idx);
  w.L = L;
  w.out = out;
  w.levels = levels;
  w.depth = 0;
  w.room = LEVELS;
  w.array = metatable(L, JSON_ARRAY);
  w.object = metatable(L, JSON_OBJECT);
  w.number = metatable(L, JSON_NUMBER);
  w.base = lua_gettop(L);
  lua_pushnil(L);
  lua_pushvalue(L, idx);
  if (write_text(&w) == 0) {
    lua_settop(L, w.base);
    return 0;
  }
  out->len = len;
  lua_replace(L, w.base + 2); /* the path */
  lua_replace(L, w.base + 1); /* the message */
  lua_settop(L, w.base + 2);
  return 2;
}
