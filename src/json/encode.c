/*
** encode.c - Lua values to JSON text. Reads tables raw and calls no Lua code. A
** value that JSON cannot represent exactly is an error, with its path. The
** caller owns the text; only the encoder, a userdata of the Lua state, outlives
** a call.
*/
#include "json.h"
#include "number.h"
#include "scan.h"
#include "writer.h"

#include <math.h>
#include <string.h>
#include <strings.h>

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

/*
** The character after the backslash for a quote, a backslash and the control
** characters with a short escape; 0 for the others.
*/
static const char letters[128] = {
    ['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
    ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't',
};

/* Writes a control character without a short escape. */
static char *put_control (char *out, char c) {
  static const char hex[] = "0123456789abcdef";
  memcpy(out, "\\u00", 4);
  out[4] = hex[(unsigned char)c >> 4];
  out[5] = hex[c & 15];
  return out + 6;
}

static inline char *put_escape (char *out, char c) {
  char letter = letters[(unsigned char)c];
  if (letter == 0)
    return put_control(out, c);
  out[0] = '\\';
  out[1] = letter;
  return out + 2;
}

/* Bytes that put_string needs: the string, both quotes and a colon, an escape,
** and the scratch space of scan_copy. */
#define STRING_SIZE(len) ((len) + 40)

/* Copies characters that are not ASCII; NULL for invalid UTF-8. */
static inline char *put_utf8 (char *out, const char **p, const char *end) {
  const char *s = *p;
  int n;
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
  *p = s;
  return out;
}

#if defined(SCAN_WINDOW)

/* The most bytes of a window as it is written, and a copy of one behind. */
#define WINDOW_SIZE (7 * SCAN_WINDOW)

/* Writes the window at s, of whose bytes `ends` has a bit for each to escape.
 */
static inline char *put_window (char *out, const char *s, uint64_t ends) {
  const char *from = s, *at;
  for (; ends != 0; ends &= ends - 1) {
    at = s + __builtin_ctzll(ends);
    scan_copywindow(out, from);
    out = put_escape(out + (at - from), *at);
    from = at + 1;
  }
  scan_copywindow(out, from);
  return out + (s + SCAN_WINDOW - from);
}

/*
** Writes n windows of the string at *p, the last of which may reach beyond its
** end, by spaces. Stops before one with UTF-8 that scan_windowutf8 leaves to
** utf8_sequence: *until is its end.
*/
static char *put_each (Writer *w, char *out, const char **p, const char *end,
                       size_t n, const char **until) {
  const char *s = *p;
  unsigned due = 0;
  for (; n > 0; n--, s += SCAN_WINDOW) {
    uint64_t high, ends = scan_window(s, &high);
    unsigned len = end - s < SCAN_WINDOW ? (unsigned)(end - s) : SCAN_WINDOW;
    if (!scan_windowutf8(s, high, len, &due)) {
      *until = s + SCAN_WINDOW;
      break;
    }
    out = put_window(room(w, out, WINDOW_SIZE), s, ends);
  }
  if (s > end) {
    out -= s - end;
    s = end;
  }
  if (due != 0) { /* the character before s is not complete */
    out -= s - scan_back(s);
    s = scan_back(s);
  }
  *p = s;
  return out;
}

/* The fewest bytes for which windows are faster than what copies blocks. */
#define MIN_END 16

/*
** Writes the string at *p by windows. Where fewer bytes than two of them are
** left, which put_window would read past, it writes a copy with spaces after
** it. If it does not get to the end, what is before *until is not for windows.
*/
static char *put_windows (Writer *w, char *out, const char **p, const char *end,
                          const char **until) {
  char copy[4 * SCAN_WINDOW];
  const char *s = copy, *stop = NULL;
  size_t left = (size_t)(end - *p);
  if (left >= 2 * SCAN_WINDOW) {
    out = put_each(w, out, p, end, left / SCAN_WINDOW - 1, until);
    left = (size_t)(end - *p);
  }
  if (*p < *until || left < MIN_END)
    return out;
  memcpy(copy, *p, left);
  memset(copy + left, ' ', SCAN_WINDOW);
  out = put_each(w, out, &s, copy + left,
                 (left + SCAN_WINDOW - 1) / SCAN_WINDOW, &stop);
  *p += s - copy;
  if (stop != NULL)
    *until = end;
  return out;
}

#else

static inline char *put_windows (Writer *w, char *out, const char **p,
                                 const char *end, const char **until) {
  (void)w, (void)p, (void)end, (void)until;
  return out;
}

#endif

/*
** Writes the rest of a string, which begins with a special byte, and the
** closing quote.
*/
static char *put_special (Writer *w, char *out, const char *s,
                          const char *end) {
  const char *stop, *until = s;
  while (s < end) {
    if (s >= until)
      out = put_windows(w, out, &s, end, &until);
    if (s == end)
      break;
    if (w->end - out < end - s + 32)
      out = json_grow(w, out, (size_t)(end - s) + (size_t)(end - s) / 4 + 64);
    stop = scan_copyblocks(out, s, end, end);
    out += stop - s;
    s = stop;
    if (s == end)
      break;
    if ((unsigned char)*s >= 0x80) {
      if ((out = put_utf8(out, &s, end)) == NULL)
        return NULL;
    } else if (scan_special(*s)) {
      out = put_escape(out, *s++);
    } else { /* the last bytes, or bytes that scan_copyblocks left */
      stop = scan_copy(out, s, end);
      out += stop - s;
      s = stop;
    }
  }
  *out++ = '"';
  return out;
}

/* Writes s in quotes, or returns NULL for invalid UTF-8. */
static inline char *put_string (Writer *w, char *out, const char *s,
                                size_t len) {
  const char *end = s + len, *stop;
  *out++ = '"';
  stop = scan_copy(out, s, end);
  out += stop - s;
  if (stop < end)
    return put_special(w, out, stop, end);
  *out++ = '"';
  return out;
}

static char *put_number (Writer *w, char *out) {
  lua_Number d;
  out = room(w, out, JSON_NUMBER_SIZE);
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

static inline char *put_word (Writer *w, char *out, const char *s, size_t len) {
  out = room(w, out, len);
  memcpy(out, s, len);
  return out + len;
}

static char *put_userdata (Writer *w, char *out) {
  lua_State *L = w->L;
  const Literal *n = lua_touserdata(L, -1);
  const char *word;
  if (n == NULL)
    return put_word(w, out, "null", 4);
  if (lua_type(L, -1) == LUA_TUSERDATA && lua_getmetatable(L, -1)) {
    const void *mt = lua_topointer(L, -1);
    lua_pop(L, 1);
    if (mt == w->encoder->number || mt == w->encoder->raw)
      return put_word(w, out, n->text, n->len);
  }
  if ((word = json_interop_value(L)) != NULL)
    return put_word(w, out, word, strlen(word));
  return json_value_error(w, "a userdata cannot be encoded");
}

/* }====================================================== */

/*
** {======================================================
** Tables
** =======================================================
*/

#define MIXED "a table has both list indices and other keys"

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
    error = count > 0 ? MIXED : "an array has no list indices";
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

static void more_levels (Writer *w) {
  lua_State *L = w->L;
  size_t used = (size_t)(w->top - w->levels) + 1;
  Level *l = lua_newuserdata(L, 2 * used * sizeof(Level));
  memcpy(l, w->levels, used * sizeof(Level));
  lua_replace(L, w->base + SPILL);
  w->levels = l;
  w->top = l + used - 1;
  w->room = 2 * (int)used;
}

/*
** Opens the table on top, which stays there, and pushes nil as its key. The
** bracket is written with the first key. Returns 0 on an error.
*/
static int open_table (Writer *w) {
  lua_State *L = w->L;
  const void *table = lua_topointer(L, -1);
  int depth = (int)(w->top - w->levels) + 1, kind = OPEN;
  int at = w->base + SLOTS + 2 * depth - 1;
  Level *l;
  for (l = w->levels + 1; l <= w->top; l++)
    if (l->table == table)
      return json_value_error(w, "a table contains itself") != NULL;
  if (depth > JSON_MAX_DEPTH ||
      (depth % 16 == 0 && !lua_checkstack(L, 2 * 16 + VALUE_STACK)))
    return json_value_error(w, "nested too deeply") != NULL;
  if (depth == w->room)
    more_levels(w);
  if (lua_getmetatable(L, at)) {
    kind = marked_as(w);
    lua_settop(L, at);
  }
  lua_pushnil(L);
  l = ++w->top;
  l->table = table;
  l->at = at;
  l->index = 0;
  l->kind = (unsigned char)kind;
  l->marked = kind != OPEN;
  l->strings = 0;
  l->lead = kind == LIST ? '[' : '{';
  return 1;
}

static inline Name *find_name (Encoder *e, const char *at) {
  uint32_t h = (uint32_t)((uintptr_t)at >> 3) * UINT32_C(0x9E3779B1);
  return e->names + (h >> 24) % NAMES;
}

/* The other entry that a name may have. */
static Name *neighbour (Encoder *e, const Name *name) {
  return e->names + ((name - e->names) ^ 1);
}

/* Caches how a name is written: the len bytes at text. The name is the string
** below the value on top, with its bytes at `at`. */
static void cache_name (Writer *w, const char *at, const char *text,
                        size_t len) {
  lua_State *L = w->L;
  Name *name = find_name(w->encoder, at);
  if (name->at != NULL && neighbour(w->encoder, name)->at == NULL)
    name = neighbour(w->encoder, name);
  if (name->at != NULL && ++w->encoder->crowded % 8 != 0)
    return; /* keep the entry while many names, or three in turn, want it */
  getattached(L, w->holder);
  lua_pushvalue(L, -3);
  lua_rawseti(L, -2, (int)(name - w->encoder->names) + 1);
  lua_pop(L, 1);
  memcpy(name->text, text, len);
  name->len = (unsigned)len;
  name->at = at;
}

/* Could a string be the result of lua_tolstring for a number? Such a text
** begins with a digit or a sign, or is infinity. */
static int like_number (const char *s, size_t len) {
  return len > 0 && ((unsigned char)s[0] < 'A' ||
                     ((len == 3 || len == 8) && strncasecmp(s, "inf", 3) == 0));
}

static int has_number_key (lua_State *L, int at) {
  int found = 0, top = lua_gettop(L);
  lua_pushnil(L);
  while (!found && lua_next(L, at) != 0) {
    lua_pop(L, 1);
    found = lua_type(L, -1) == LUA_TNUMBER;
  }
  lua_settop(L, top);
  return found;
}

/* Writes a key that is not cached; s: its bytes, by lua_tolstring. */
static char *put_newkey (Writer *w, Level *l, char *out, const char *s) {
  size_t len, start;
  int numeric;
  if (s == NULL)
    return json_table_error(w, "a key is neither a string nor a list index");
  lua_tolstring(w->L, -2, &len);
  numeric = like_number(s, len);
  if (numeric && !l->strings) {
    if (has_number_key(w->L, l->at))
      return json_table_error(w,
                              l->marked ? "an object has a number key" : MIXED);
    l->strings = 1;
  }
  out = room(w, out, STRING_SIZE(len));
  *out++ = l->lead;
  start = (size_t)(out - w->out->data);
  if ((out = put_string(w, out, s, len)) == NULL)
    return json_table_error(w, "a key is not valid UTF-8");
  *out++ = ':';
  len = (size_t)(out - w->out->data) - start;
  if (!numeric && len <= NAME_SIZE)
    cache_name(w, s, w->out->data + start, len);
  return out;
}

/*
** Writes the key below the value on top, and the character before it.
**
** One call of lua_tolstring identifies the string, by the address of its bytes.
** It turns a number into a string, with which lua_next could not continue; but
** such a string is not cached, since cached names do not look like numbers, and
** put_newkey refuses a table with such a key.
*/
static inline char *put_key (Writer *w, Level *l, char *out) {
  const char *at = lua_tolstring(w->L, -2, NULL);
  const Name *name = find_name(w->encoder, at);
  if (name->at != at)
    name = neighbour(w->encoder, name);
  if (at == NULL || name->at != at) {
    out = put_newkey(w, l, out, at);
  } else {
    out = room(w, out, NAME_SIZE + 1);
    *out++ = l->lead;
    memcpy(out, name->text, NAME_SIZE);
    out += name->len;
  }
  l->lead = ',';
  return out;
}

/*
** Writes the character before the next element of the innermost table, a list,
** and pushes the element; for lua_next, key and value are on top already.
*/
static inline char *put_index (Writer *w, Level *l, char *out) {
  lua_State *L = w->L;
  if (l->kind == LIST &&
      (lua_type(L, -2) != LUA_TNUMBER ||
       lua_tonumber(L, -2) != (lua_Number)(l->index + 1)) &&
      !check_list(w, l))
    return NULL;
  l->index++;
  if (l->kind == INDEXED)
    lua_rawgeti(L, l->at, (int)l->index);
  out = room(w, out, 1);
  *out++ = l->lead;
  l->lead = ',';
  return out;
}

/* }====================================================== */

/*
** Writes the value on top and pops it. An open table is on the stack; above it
** is the key of the value that is being written.
*/
static char *write_value (Writer *w, char *out) {
  lua_State *L = w->L;
  const char *s;
  size_t len;
  Level *l;
value:
  switch (lua_type(L, -1)) {
    case LUA_TSTRING:
      s = lua_tolstring(L, -1, &len);
      out = put_string(w, room(w, out, STRING_SIZE(len)), s, len);
      if (out == NULL)
        return json_value_error(w, "a string is not valid UTF-8");
      break;
    case LUA_TNUMBER:
      out = put_number(w, out);
      break;
    case LUA_TTABLE:
      if (!open_table(w))
        return NULL;
      goto next;
    case LUA_TBOOLEAN:
      if (lua_toboolean(L, -1))
        out = put_word(w, out, "true", 4);
      else
        out = put_word(w, out, "false", 5);
      break;
    case LUA_TLIGHTUSERDATA:
    case LUA_TUSERDATA:
      out = put_userdata(w, out);
      break;
    case LUA_TNIL:
      return json_value_error(w, "nil is not a JSON value");
    default:
      lua_pushfstring(L, "a %s cannot be encoded", luaL_typename(L, -1));
      return json_value_error(w, lua_tostring(L, -1));
  }
  if (out == NULL)
    return NULL;
  lua_pop(L, 1);
next:
  l = w->top;
  if (l->kind == TEXT)
    return out;
  if (l->kind == INDEXED ? l->index == l->count : !lua_next(L, l->at))
    goto leave;
  if (l->kind == OPEN) {
    l->kind = lua_type(L, -2) == LUA_TNUMBER ? LIST : MAP;
    l->lead = l->kind == LIST ? '[' : '{';
  }
  out = l->kind == MAP ? put_key(w, l, out) : put_index(w, l, out);
  if (out == NULL)
    return NULL;
  goto value;
leave:
  out = room(w, out, 2);
  if (l->lead != ',') /* it is empty */
    *out++ = l->lead;
  *out++ = l->kind == LIST || l->kind == INDEXED ? ']' : '}';
  lua_settop(L, l->at - 1);
  w->top--;
  goto next;
}

int json_encodeby (lua_State *L, int holder, int idx, Buffer *buffer) {
  Level levels[LEVELS];
  Writer w;
  char *out;
  size_t len = buffer->len;
  if (buffer_reserve(buffer, 64) != 0) /* so that data is not NULL */
    return luaL_error(L, "not enough memory");
  luaL_checkstack(L, SLOTS + 2 * 16 + VALUE_STACK, "JSON value");
  idx = lua_absindex(L, idx);
  levels[0].kind = TEXT;
  w.L = L;
  w.out = buffer;
  w.end = buffer->data + buffer->size;
  w.encoder = lua_touserdata(L, holder);
  w.holder = holder;
  w.levels = w.top = levels;
  w.room = LEVELS;
  w.base = lua_gettop(L);
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
  memset(e, 0, sizeof(*e));
  e->array = metatable(L, JSON_ARRAY);
  e->object = metatable(L, JSON_OBJECT);
  e->number = metatable(L, JSON_NUMBER);
  e->raw = metatable(L, JSON_RAW);
  lua_createtable(L, NAMES, 0);
  setattached(L, -2);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, JSON_ENCODER);
}
