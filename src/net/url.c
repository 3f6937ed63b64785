#include "base/compat.h"

#include "url.h"

#include <stdint.h>

/* RFC 3986 2.3, a bit for each byte: looked up, since every call escapes its
** id and its key, and all that is left to do then is to see that there is
** nothing to escape. */
static const uint32_t unreserved_bits[8] = {0, 0x03ff6000, 0x87fffffe,
                                            0x47fffffe};

static int unreserved (unsigned char c) {
  return unreserved_bits[c >> 5] >> (c & 31) & 1;
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
