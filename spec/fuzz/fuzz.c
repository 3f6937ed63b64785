/*
** fuzz.c - a program of libFuzzer around spec/fuzz/<FUZZ_TARGET>.lua, which
** returns a function that is called with each input and raises when something
** is wrong. It runs in the folder of the checkout, with the core linked in.
*/
#include "base/compat.h"

#include "json/json.h"
#include "lua/engine_handle.h"
#include "lua/transfer_handle.h"

#include <lualib.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if LUA_VERSION_NUM >= 505 /* wants a seed for its hashes: always the same */
#define lua_newstate(allocator, context) lua_newstate((allocator), (context), 0)
#endif

POSTHOG_LLM_API int luaopen_posthog_llm_core (lua_State *L);
int LLVMFuzzerInitialize (int *argc, char ***argv);
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static lua_State *state;

static void check (int status) {
  if (status == 0)
    return;
  fprintf(stderr, "%s\n", lua_tostring(state, -1));
  abort();
}

/* {=================================================================
** Coverage of Lua code: libFuzzer takes these for counters of its own.
** ================================================================== */

#define PLACES 4096 /* a line of one file each, by hash */

__attribute__((
    section("__libfuzzer_extra_counters"))) static uint8_t counters[PLACES];

#define LIBRARY "@./lua/"

static FILE *lines;

static void on_line (lua_State *L, lua_Debug *at) {
  const char *s;
  unsigned place;
  lua_getinfo(L, "S", at);
  if (strncmp(at->source, LIBRARY, sizeof(LIBRARY) - 1) != 0)
    return;
  place = (unsigned)at->currentline;
  for (s = at->source; *s != '\0'; s++)
    place = place * 31 + (unsigned char)*s;
  place %= PLACES;
  if (counters[place] < UINT8_MAX)
    counters[place]++;
  if (lines != NULL)
    fprintf(lines, "%s:%d\n", at->source + 3, at->currentline);
}

/* watch(): which lines of the library an input reaches is coverage; they are
** listed in the file FUZZ_LINES, where there is one */
static int fuzz_watch (lua_State *L) {
  const char *name = getenv("FUZZ_LINES");
  if (name != NULL && (lines = fopen(name, "a")) == NULL)
    abort();
  check(luaL_dostring(L, "if jit then jit.off() end")); /* it calls no hook */
  lua_sethook(L, on_line, LUA_MASKLINE, 0);
  return 0;
}

/* }================================================================= */

/* {=================================================================
** What the targets need and Lua does not offer
** ================================================================== */

/* A copy that ends where its memory ends; the caller frees it. */
static char *copy_exactly (const char *s, size_t len) {
  char *copy = malloc(len > 0 ? len : 1);
  if (copy == NULL)
    abort();
  memcpy(copy, s, len);
  return copy;
}

/* decode(decoder, text): decoder:decode of bytes that nothing follows */
static int fuzz_decode (lua_State *L) {
  size_t len;
  const char *s = luaL_checklstring(L, 2, &len);
  char *copy = copy_exactly(s, len);
  int n = json_decode(L, 1, copy, len);
  free(copy);
  return n;
}

/* answer(engine, lines, most, body, most_body) -> transfer, as if libcurl had
** got these header lines and this body. */
static int fuzz_answer (lua_State *L) {
  Engine *e = engine_handle_check(L, 1);
  Transfer *t = transfer_handle_new(L);
  const char *body, *line;
  size_t len, taken, piece;
  int i;
  if ((t->config = request_config_new()) == NULL)
    abort();
  transfer_handle_started(L, lua_gettop(L), e);
  t->state = TRANSFER_DONE;
  t->config->max_headers = (size_t)luaL_checknumber(L, 3);
  t->config->max_body = (size_t)luaL_checknumber(L, 5);
  for (i = 1; lua_rawgeti(L, 2, i), !lua_isnil(L, -1); i++) {
    char *copy;
    line = lua_tolstring(L, -1, &len);
    copy = copy_exactly(line, len);
    taken = transfer_on_header(copy, 1, len, t);
    free(copy);
    lua_pop(L, 1);
    if (taken != len) {
      t->code = CURLE_WRITE_ERROR;
      break;
    }
  }
  lua_settop(L, 6);
  body = luaL_checklstring(L, 4, &len);
  for (; len > 0 && t->code == CURLE_OK; len -= piece, body += piece) {
    char *copy;
    piece = len > 7 ? 7 : len;
    copy = copy_exactly(body, piece);
    if (transfer_on_body(copy, 1, piece, t) != piece)
      t->code = CURLE_WRITE_ERROR;
    free(copy);
  }
  return 1;
}

/* curl_url(url, reference?) -> { scheme, host, port, path, query, user } as
** libcurl takes it apart, or nil when it refuses it */
static int fuzz_curl_url (lua_State *L) {
  static const struct {
    const char *name;
    CURLUPart part;
  } parts[] = {{"scheme", CURLUPART_SCHEME}, {"host", CURLUPART_HOST},
               {"port", CURLUPART_PORT},     {"path", CURLUPART_PATH},
               {"query", CURLUPART_QUERY},   {"user", CURLUPART_USER},
               {"url", CURLUPART_URL}};
  const char *url = luaL_checkstring(L, 1);
  const char *reference = luaL_optstring(L, 2, NULL);
  const unsigned as_we_do = CURLU_PATH_AS_IS;
  CURLU *u = curl_url();
  size_t i;
  if (u == NULL)
    abort();
  if (curl_url_set(u, CURLUPART_URL, url, as_we_do) != CURLUE_OK ||
      (reference != NULL &&
       curl_url_set(u, CURLUPART_URL, reference, as_we_do) != CURLUE_OK)) {
    curl_url_cleanup(u);
    return 0;
  }
  lua_newtable(L);
  for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    char *text = NULL;
    if (curl_url_get(u, parts[i].part, &text, CURLU_DEFAULT_PORT) ==
        CURLUE_OK) {
      lua_pushstring(L, text);
      lua_setfield(L, -2, parts[i].name);
    }
    curl_free(text);
  }
  curl_url_cleanup(u);
  return 1;
}

/* curl_escape(text) -> text, by libcurl */
static int fuzz_curl_escape (lua_State *L) {
  size_t len;
  const char *s = luaL_checklstring(L, 1, &len);
  char *escaped = len > 0 ? curl_easy_escape(NULL, s, (int)len) : NULL;
  lua_pushstring(L, escaped != NULL ? escaped : "");
  curl_free(escaped);
  return 1;
}

/* curl_getdate(text) -> seconds since 1970, or -1 */
static int fuzz_curl_getdate (lua_State *L) {
  lua_pushnumber(L, (lua_Number)curl_getdate(luaL_checkstring(L, 1), NULL));
  return 1;
}

/* }================================================================= */

static int open_fuzz (lua_State *L) {
  static const luaL_Reg functions[] = {
      {"watch", fuzz_watch},
      {"decode", fuzz_decode},
      {"answer", fuzz_answer},
      {"curl_url", fuzz_curl_url},
      {"curl_escape", fuzz_curl_escape},
      {"curl_getdate", fuzz_curl_getdate},
      {NULL, NULL},
  };
  luaL_newlib(L, functions);
  return 1;
}

static void preload (lua_State *L, const char *name, lua_CFunction open) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, open);
  lua_setfield(L, -2, name);
  lua_pop(L, 2);
}

/* LuaJIT's own has no bounds that a sanitizer knows. */
static void *allocate (void *ud, void *p, size_t old, size_t size) {
  (void)ud;
  (void)old;
  if (size > 0)
    return realloc(p, size);
  free(p);
  return NULL;
}

/* What is left then has leaked. */
static void close_state (void) {
  lua_close(state);
}

static const char loader[] =
    "package.path = './lua/?.lua;./lua/?/init.lua;./?.lua'\n"
    "local run = require('spec.fuzz.' .. os.getenv('FUZZ_TARGET'))\n"
    "return function(data)\n"
    "  local ok, why = xpcall(function() run(data) end, debug.traceback)\n"
    "  if not ok then error(why, 0) end\n"
    "end";

int LLVMFuzzerInitialize (int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  state = lua_newstate(allocate, NULL);
  if (state == NULL)
    abort();
  atexit(close_state);
  luaL_openlibs(state);
  preload(state, "posthog.llm.core", luaopen_posthog_llm_core);
  preload(state, "fuzz", open_fuzz);
  check(luaL_loadstring(state, loader));
  check(lua_pcall(state, 0, 1, 0)); /* stays on the stack: the target */
  return 0;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  lua_pushvalue(state, 1);
  lua_pushlstring(state, (const char *)data, size);
  check(lua_pcall(state, 1, 0, 0));
  return 0;
}
