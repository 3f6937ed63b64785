/*
** gc_pause.c - decoding with the collector at rest, where it could find
** next to nothing.
**
** All that a decode makes is in use until its end. Beside a text that is large
** for the heap, the collector would go over the same half-built value several
** times, and free none of it: without it, a page of 20 MB takes a third less
** time. In a heap that is large already it stays at work, so what waits to be
** freed is never more than twice the text and a few megabytes. Those are for
** the program that asks for one page after another: in its small heap each page
** would cost several collections, a fifth of the time.
*/
#include "json.h"
#include "reader.h"

#include <string.h>

#if HAVE_GC_STATE

/* A smaller text is decoded before the collector gets far. */
#define LARGE ((size_t)64 << 10)

/*
** Kilobytes that a heap may have besides. PUC Lua begins a collection when it
** goes on, so there a rest has to save more than that one to be worth it: the
** value, twice the text, has to be about half of what the heap was.
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

/* Lets the collector rest and returns 1, if that is worth it here. */
static int stop_collector (lua_State *L, size_t len) {
  size_t text = len >> 10; /* kilobytes, as the heap */
  if (lua_gc(L, LUA_GCISRUNNING, 0) != 1 ||
      (size_t)lua_gc(L, LUA_GCCOUNT, 0) > 2 * text + allowance(text))
    return 0;
  lua_gc(L, LUA_GCSTOP, 0);
  return 1;
}

typedef struct Text {
  const char *s;
  size_t len;
} Text;

static int decode_text (lua_State *L) {
  const Text *t = lua_touserdata(L, 2);
  return json_read(L, 1, t->s, t->len);
}

int json_decode (lua_State *L, int decoder, const char *s, size_t len) {
  int status, base = lua_gettop(L);
  Text *t;
  if (len < LARGE)
    return json_read(L, decoder, s, len);
  luaL_checkstack(L, 3, "JSON text");
  decoder = lua_absindex(L, decoder);
  lua_pushcfunction(L, decode_text);
  lua_pushvalue(L, decoder);
  t = lua_newuserdata(L, sizeof(Text));
  t->s = s;
  t->len = len;
  if (!stop_collector(L, len)) {
    lua_settop(L, base);
    return json_read(L, decoder, s, len);
  }
  status = lua_pcall(L, 2, LUA_MULTRET, 0);
  lua_gc(L, LUA_GCRESTART, 0);
  if (status == LUA_ERRMEM) { /* make room, and try with it at work */
    lua_settop(L, base);
    lua_gc(L, LUA_GCCOLLECT, 0);
    return json_read(L, decoder, s, len);
  }
  if (status != 0)
    return lua_error(L); /* by a hook */
  return lua_gettop(L) - base;
}

#else

int json_decode (lua_State *L, int decoder, const char *s, size_t len) {
  return json_read(L, decoder, s, len);
}

#endif
