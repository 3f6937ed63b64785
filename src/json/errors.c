/*
** errors.c - the error of encoding: pushes the message and the path of the
** value as strings.
*/
#include "writer.h"

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

/* Appends a step to the path on top of the stack. */
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

static char *fail (Writer *w, const char *message, const Level *last) {
  const Level *l;
  lua_pushstring(w->L, message);
  lua_pushliteral(w->L, "");
  for (l = w->levels + 1; l <= last; l++)
    add_step(w->L, l);
  return NULL;
}

char *json_value_error (Writer *w, const char *message) {
  return fail(w, message, w->top);
}

char *json_table_error (Writer *w, const char *message) {
  return fail(w, message, w->top - 1);
}
