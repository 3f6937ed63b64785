/*
** gc_pause.c - pauses the garbage collector while a large text is decoded,
** when it could free next to nothing.
**
** All that a decode makes is in use until its end. With a text that is large
** compared with the heap, the collector would traverse the same half-built
** value several times and free none of it: without it, a page of 20 MB takes a
** third less time. In a heap that is already large the collector is not
** paused, so the garbage never exceeds twice the text and a few megabytes.
** Those megabytes are for a program that reads one page after another: in its
** small heap each page would cost several collections, a fifth of the time.
*/
#include "json.h"
#include "reader.h"

#include <string.h>

#if HAVE_GC_STATE

/* A smaller text is decoded before the collector has done much. */
#define LARGE ((size_t)64 << 10)

/*
** Kilobytes that the heap may have in addition to twice the text. PUC Lua
** starts a collection when the collector is restarted, so there a pause has to
** save more than that collection: the value, twice the text, has to be about
** half of the heap.
*/
static size_t allowance (size_t text) {
#if !HAVE_FAST_CONSTRUCTORS
  if (text < 192)
    return 0;
  if (text < 1024)
    return 4 * text;
#endif
  (void)text;
  return 4096;
}

/* Stops the collector and returns 1, if that is worth it. */
static int stop_collector (lua_State *L, size_t len) {
  size_t text = len >> 10; /* kilobytes, as the heap */
  if (lua_gc(L, LUA_GCISRUNNING, 0) != 1 ||
      (size_t)lua_gc(L, LUA_GCCOUNT, 0) > 2 * text + allowance(text))
    return 0;
  lua_gc(L, LUA_GCSTOP, 0);
  return 1;
}

static int decode_source (lua_State *L) {
  return json_read(L, 1, lua_touserdata(L, 2));
}

/* Decodes it without the collector. What was given back cannot be read again,
** when there was not enough memory. */
static int decode_paused (lua_State *L, int decoder, const Source *source) {
  int status, base = lua_gettop(L);
  Source *copy;
  luaL_checkstack(L, 3, "JSON text");
  decoder = lua_absindex(L, decoder);
  lua_pushcfunction(L, decode_source);
  lua_pushvalue(L, decoder);
  copy = lua_newuserdata(L, sizeof(*copy));
  *copy = *source;
  if (!stop_collector(L, source->len)) {
    lua_settop(L, base);
    return json_read(L, decoder, source);
  }
  status = lua_pcall(L, 2, LUA_MULTRET, 0);
  lua_gc(L, LUA_GCRESTART, 0);
  if (status == LUA_ERRMEM && source->spent == NULL) {
    lua_settop(L, base);
    lua_gc(L, LUA_GCCOLLECT, 0);
    return json_read(L, decoder, source);
  }
  if (status != 0)
    return lua_error(L); /* not enough memory, or raised by a debug hook */
  return lua_gettop(L) - base;
}

static int decode (lua_State *L, int decoder, const Source *source) {
  return source->len < LARGE ? json_read(L, decoder, source)
                             : decode_paused(L, decoder, source);
}

#else

static int decode (lua_State *L, int decoder, const Source *source) {
  return json_read(L, decoder, source);
}

#endif

int json_decode (lua_State *L, int decoder, const char *s, size_t len) {
  Source source = {s, len, NULL};
  return decode(L, decoder, &source);
}

int json_decodespent (lua_State *L, int decoder, char *s, size_t len,
                      size_t keep) {
  Source source = {s, len, NULL};
  if (len >= JSON_SPENT && keep < len)
    source.spent = s + keep;
  return decode(L, decoder, &source);
}
