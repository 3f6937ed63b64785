/*
** replay.c - builds Lua values by the calls that any decoder has to make, and
** by nothing else: no text is read. A module of Lua; bench/tables.lua says
** which calls.
*/
#include "base/direct.h"

#include <stdlib.h>
#include <string.h>

#define TAPE "bench.tape"

enum {
  LIST,
  MAP,
  KEPT,
  STRING,
  INTEGER,
  NUMBER,
  BOOLEAN,
  NUL,
  MEMBER,
  ELEMENT,
  CALL
};
static const char *const names[] = {"list",    "map",     "kept",    "string",
                                    "integer", "number",  "boolean", "null",
                                    "member",  "element", "call",    NULL};

typedef struct Step {
  int code;
  unsigned count;
  union {
    size_t at;
    lua_Number number;
    lua_Integer integer;
  } u;
} Step;

/* Not in Lua's memory: it would let the collector run more seldom. */
typedef struct Tape {
  Step *step;
  char *bytes;
  size_t steps, room, used, size;
} Tape;

static void *grow (lua_State *L, void *p, size_t *room, size_t wanted,
                   size_t unit) {
  if (wanted <= *room)
    return p;
  wanted *= 2;
  p = realloc(p, wanted * unit);
  if (p == NULL)
    luaL_error(L, "not enough memory");
  *room = wanted;
  return p;
}

/* tape:add(name, number or string) */
static int tape_add (lua_State *L) {
  Tape *t = luaL_checkudata(L, 1, TAPE);
  int code = luaL_checkoption(L, 2, NULL, names);
  Step s;
  memset(&s, 0, sizeof(s));
  s.code = code;
  if (code == STRING) {
    size_t len;
    const char *text = luaL_checklstring(L, 3, &len);
    t->bytes = grow(L, t->bytes, &t->size, t->used + len + 1, 1);
    memcpy(t->bytes + t->used, text, len);
    s.u.at = t->used;
    s.count = (unsigned)len;
    t->used += len;
  } else if (code == NUMBER) {
    s.u.number = luaL_checknumber(L, 3);
  } else if (code == INTEGER) {
    s.u.integer = luaL_checkinteger(L, 3);
  } else {
    s.count = (unsigned)luaL_optinteger(L, 3, 0);
  }
  t->step = grow(L, t->step, &t->room, t->steps + 1, sizeof(Step));
  t->step[t->steps++] = s;
  return 0;
}

/*
** The upvalues are a tape, the list of what it keeps (keys, constructors) and
** the metatable of arrays.
*/
static int replay (lua_State *L) {
  const Tape *t = lua_touserdata(L, lua_upvalueindex(1));
  const Step *s = t->step, *end = s + t->steps;
  luaL_checkstack(L, 1000, "values");
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_pushvalue(L, lua_upvalueindex(3));
  for (; s < end; s++) {
    switch (s->code) {
      case LIST:
        lua_createtable(L, (int)s->count, 0);
        lua_pushvalue(L, 2);
        lua_setmetatable(L, -2);
        break;
      case MAP:
        lua_createtable(L, 0, (int)s->count);
        break;
      case KEPT:
        lua_rawgeti(L, 1, (int)s->count);
        break;
      case STRING:
        lua_pushlstring(L, t->bytes + s->u.at, s->count);
        break;
      case INTEGER:
        lua_pushinteger(L, s->u.integer);
        break;
      case NUMBER:
        lua_pushnumber(L, s->u.number);
        break;
      case BOOLEAN:
        lua_pushboolean(L, (int)s->count);
        break;
      case NUL:
        lua_pushlightuserdata(L, NULL);
        break;
      case MEMBER:
        lua_rawset(L, -3);
        break;
      case ELEMENT:
        lua_rawseti(L, -2, (int)s->count);
        break;
      default:
        lua_call(L, (int)s->count, 1);
    }
  }
  return 1;
}

/* tape:bind(kept, metatable) -> function() return value end */
static int tape_bind (lua_State *L) {
  luaL_checkudata(L, 1, TAPE);
  lua_settop(L, 3);
  lua_pushcclosure(L, replay, 3);
  return 1;
}

static int tape_gc (lua_State *L) {
  Tape *t = luaL_checkudata(L, 1, TAPE);
  free(t->step);
  free(t->bytes);
  return 0;
}

/* tape() -> tape */
static int new_tape (lua_State *L) {
  memset(lua_newuserdata(L, sizeof(Tape)), 0, sizeof(Tape));
  luaL_getmetatable(L, TAPE);
  lua_setmetatable(L, -2);
  return 1;
}

static const luaL_Reg methods[] = {
    {"add", tape_add}, {"bind", tape_bind}, {"__gc", tape_gc}, {NULL, NULL}};

int luaopen_bench_replay (lua_State *L);
int luaopen_bench_replay (lua_State *L) {
  luaL_newmetatable(L, TAPE);
  luaL_setfuncs(L, methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, new_tape);
  return 1;
}
