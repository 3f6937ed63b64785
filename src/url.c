#include "compat.h"

#include "url.h"

static int unreserved (unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

int url_escape (lua_State *L) {
  static const char digits[] = "0123456789ABCDEF";
  size_t len, i, plain;
  const char *s = luaL_checklstring(L, 1, &len);
  int keep_slash = lua_toboolean(L, 2);
  luaL_Buffer b;
  for (plain = 0; plain < len; plain++) {
    if (!unreserved((unsigned char)s[plain]) &&
        !(keep_slash && s[plain] == '/'))
      break;
  }
  if (plain == len) { /* the usual case: nothing to do */
    lua_settop(L, 1);
    return 1;
  }
  luaL_buffinit(L, &b);
  luaL_addlstring(&b, s, plain);
  for (i = plain; i < len; i++) {
    unsigned char c = (unsigned char)s[i];
    if (unreserved(c) || (keep_slash && c == '/')) {
      luaL_addchar(&b, (char)c);
    } else {
      luaL_addchar(&b, '%');
      luaL_addchar(&b, digits[c >> 4]);
      luaL_addchar(&b, digits[c & 15]);
    }
  }
  luaL_pushresult(&b);
  return 1;
}
