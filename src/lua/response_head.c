/*
** response_head.c - what Lua reads of a response besides its body: the headers,
** the times, the version of HTTP. Used only by Lua's thread.
*/
#include "base/class.h"

#include "response_head.h"

#include <string.h>

#define HEAD_NAME "posthog.llm.response_head"

/* A larger block of headers stays with its transfer. */
#define MAX_BLOCK 4096 /* bytes */

/* A copy, which owns nothing: Lua's collector frees it without a finaliser. */
typedef struct ResponseHead {
  Timings timings;
  int http_version;
  unsigned len;  /* of the block */
  char block[1]; /* in fact len bytes */
} ResponseHead;

static size_t trimmed (const char **s, const char *end) {
  while (*s < end && (**s == ' ' || **s == '\t'))
    (*s)++;
  while (end > *s && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
    end--;
  return (size_t)(end - *s);
}

static void push_lower (lua_State *L, const char *s, size_t len) {
  char small[64];
  luaL_Buffer b;
  size_t i;
  if (len <= sizeof(small)) {
    for (i = 0; i < len; i++)
      small[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]);
    lua_pushlstring(L, small, len);
    return;
  }
  luaL_buffinit(L, &b);
  for (i = 0; i < len; i++)
    luaL_addchar(&b, (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]));
  luaL_pushresult(&b);
}

/* Stores one header line in the table on top; repeated ones are joined. */
static void store_header (lua_State *L, const char *line, const char *end) {
  const char *colon = memchr(line, ':', (size_t)(end - line));
  const char *value;
  size_t len;
  if (colon == NULL)
    return;
  push_lower(L, line, (size_t)(colon - line));
  value = colon + 1;
  len = trimmed(&value, end);
  lua_pushvalue(L, -1);
  lua_rawget(L, -3);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushlstring(L, value, len);
  } else {
    lua_pushliteral(L, ", ");
    lua_pushlstring(L, value, len);
    lua_concat(L, 3);
  }
  lua_rawset(L, -3);
}

int response_head_headers (lua_State *L, const char *s, size_t len) {
  const char *end;
  lua_createtable(L, 0, 12);
  if (len == 0)
    return 1;
  end = s + len;
  s = memchr(s, '\n', (size_t)(end - s)); /* after the status line */
  while (s != NULL && ++s < end) {
    const char *stop = memchr(s, '\n', (size_t)(end - s));
    store_header(L, s, stop != NULL ? stop : end);
    s = stop;
  }
  return 1;
}

static void set_seconds (lua_State *L, const char *name, curl_off_t us) {
  lua_pushnumber(L, (lua_Number)us / 1e6);
  lua_setfield(L, -2, name);
}

int response_head_timings (lua_State *L, const Timings *m) {
  lua_createtable(L, 0, 5);
  set_seconds(L, "name_lookup", m->name_lookup);
  set_seconds(L, "connect", m->connect);
  set_seconds(L, "tls", m->tls);
  set_seconds(L, "first_byte", m->first_byte);
  set_seconds(L, "total", m->total);
  return 1;
}

int response_head_http_version (lua_State *L, long version) {
  switch (version) {
    case CURL_HTTP_VERSION_1_0:
      lua_pushliteral(L, "1.0");
      break;
    case CURL_HTTP_VERSION_1_1:
      lua_pushliteral(L, "1.1");
      break;
    case CURL_HTTP_VERSION_2_0:
      lua_pushliteral(L, "2");
      break;
    case CURL_HTTP_VERSION_3:
      lua_pushliteral(L, "3");
      break;
    default:
      lua_pushnil(L);
  }
  return 1;
}

/* {=================================================================
** The class: a copy that outlives its transfer
** ================================================================== */

int response_head_push (lua_State *L, const Transfer *t) {
  const Buffer *block = &t->header_block;
  ResponseHead *h;
  if (block->len > MAX_BLOCK)
    return 0;
  h = lua_newuserdata(L, sizeof(*h) + block->len);
  h->timings = t->timings;
  h->http_version = (int)t->http_version;
  h->len = (unsigned)block->len;
  if (block->len > 0)
    memcpy(h->block, block->data, block->len);
  luaL_getmetatable(L, HEAD_NAME);
  lua_setmetatable(L, -2);
  return 1;
}

static const ResponseHead *check_head (lua_State *L) {
  return class_check(L, 1, HEAD_NAME);
}

/* head:headers(), head:timings(), head:http_version(): as those of a transfer
 */

static int head_headers (lua_State *L) {
  const ResponseHead *h = check_head(L);
  return response_head_headers(L, h->block, h->len);
}

static int head_timings (lua_State *L) {
  return response_head_timings(L, &check_head(L)->timings);
}

static int head_http_version (lua_State *L) {
  return response_head_http_version(L, check_head(L)->http_version);
}

void response_head_open (lua_State *L) {
  static const luaL_Reg methods[] = {
      {"headers", head_headers},
      {"timings", head_timings},
      {"http_version", head_http_version},
      {NULL, NULL},
  };
  class_register(L, HEAD_NAME, methods, NULL);
}

/* }================================================================= */
