/*
** text.c - functions on texts, for Lua. Lua owns all memory.
*/
#include "base/class.h"

#include "text.h"

#include "net/secret.h"
#include "net/url.h"

/* core.escape(text, keep_slash?) -> text, in which every byte becomes %XX,
** except unreserved ones and, with keep_slash, "/". */
static int text_escape (lua_State *L) {
  size_t len, escaped;
  const char *s = luaL_checklstring(L, 1, &len);
  int keep_slash = lua_toboolean(L, 2);
  char *out;
  escaped = url_escaped_length(s, len, keep_slash);
  if (escaped == len) { /* the usual case: nothing to do */
    lua_settop(L, 1);
    return 1;
  }
  out = lua_newuserdata(L, escaped);
  url_escape(out, s, len, keep_slash);
  lua_pushlstring(L, out, escaped);
  return 1;
}

/* core.redact(text, secret, instead) -> text, in which `instead` replaces the
** secret as it is or with some of its characters escaped. */
static int text_redact (lua_State *L) {
  size_t len, n, width;
  const char *s = luaL_checklstring(L, 1, &len);
  const char *secret = luaL_checklstring(L, 2, &n);
  const char *instead = luaL_checklstring(L, 3, &width);
  const char *end = s + len, *at, *after;
  luaL_Buffer b;
  if (n == 0 || !secret_found(s, len, secret, n)) {
    lua_settop(L, 1); /* the usual case: nothing to do */
    return 1;
  }
  luaL_buffinit(L, &b);
  while ((at = secret_next(s, (size_t)(end - s), secret, n, &after)) != NULL) {
    luaL_addlstring(&b, s, (size_t)(at - s));
    luaL_addlstring(&b, instead, width);
    s = after;
  }
  luaL_addlstring(&b, s, (size_t)(end - s));
  luaL_pushresult(&b);
  return 1;
}

#define ADDRESS_NAME "posthog.llm.url_address"

static int address_gc (lua_State *L) {
  url_address_free(class_check(L, 1, ADDRESS_NAME));
  return 0;
}

/*
** core.url_address(url) -> host, port
**   | nil, "no host" | "bad host" | "bad port"
** Parses an absolute URL by libcurl.
*/
static int text_url_address (lua_State *L) {
  const char *url = luaL_checkstring(L, 1);
  UrlAddress *address = class_new(L, sizeof(*address), ADDRESS_NAME);
  switch (url_address(url, address)) {
    case URL_FINE:
      lua_pushstring(L, address->host);
      lua_pushstring(L, address->port);
      url_address_free(address);
      return 2;
    case URL_NO_MEMORY:
      return luaL_error(L, "not enough memory");
    case URL_NO_HOST:
      lua_pushliteral(L, "no host");
      break;
    case URL_BAD_PORT:
      lua_pushliteral(L, "bad port");
      break;
    default:
      lua_pushliteral(L, "bad host");
      break;
  }
  url_address_free(address);
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

void text_open (lua_State *L) {
  static const luaL_Reg functions[] = {{"escape", text_escape},
                                       {"redact", text_redact},
                                       {"url_address", text_url_address},
                                       {NULL, NULL}};
  static const luaL_Reg methods[] = {{NULL, NULL}};
  class_register(L, ADDRESS_NAME, methods, address_gc);
  luaL_setfuncs(L, functions, 0);
}
