/*
** host.c - what the specs need of a host program and Lua does not offer:
** fork, Lua states on threads of their own, an allocator that fails.
*/
#define _POSIX_C_SOURCE 200809L

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* fork() -> pid, 0 in the child */
static int host_fork (lua_State *L) {
  lua_pushnumber(L, (lua_Number)fork());
  return 1;
}

/* vanish(): ends the process by making it another. Nothing looks for leaks
** then: in a child all that belonged to the parent's other threads is lost. */
static int host_vanish (lua_State *L) {
  execlp("true", "true", (char *)NULL);
  return luaL_error(L, "no program true");
}

/* wait(pid) -> status of that child once it has ended, -1 after a crash */
static int host_wait (lua_State *L) {
  int status = 0;
  waitpid((pid_t)luaL_checknumber(L, 1), &status, 0);
  lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  return 1;
}

typedef struct State {
  pthread_t thread;
  const char *code;
  char message[256]; /* "": it went well */
} State;

static void *run_state (void *arg) {
  State *s = arg;
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  if (luaL_loadstring(L, s->code) != 0 || lua_pcall(L, 0, 0, 0) != 0) {
    const char *why = lua_tostring(L, -1);
    strncpy(s->message, why != NULL ? why : "?", sizeof(s->message) - 1);
  }
  lua_close(L);
  return NULL;
}

/* states(n, code) -> message or nil: runs it in n new states at once */
static int host_states (lua_State *L) {
  static State states[16];
  int n = (int)luaL_checknumber(L, 1), i;
  const char *code = luaL_checkstring(L, 2);
  luaL_argcheck(L, n > 0 && n <= 16, 1, "at most 16");
  memset(states, 0, sizeof(states));
  for (i = 0; i < n; i++) {
    states[i].code = code;
    if (pthread_create(&states[i].thread, NULL, run_state, &states[i]) != 0)
      abort();
  }
  lua_pushnil(L);
  for (i = 0; i < n; i++) {
    pthread_join(states[i].thread, NULL);
    if (states[i].message[0] != '\0')
      lua_pushstring(L, states[i].message);
  }
  return 1;
}

typedef struct Allocator {
  lua_Alloc f;
  void *ud;
  long left; /* allocations that still succeed */
} Allocator;

static void *allocate (void *ud, void *p, size_t old, size_t size) {
  Allocator *a = ud;
  int grows = size > 0 && (p == NULL || size > old);
  if (grows && a->left-- <= 0)
    return NULL;
  return a->f(a->ud, p, old, size);
}

/* starve(n, f) -> ok, message or result: f with memory for n allocations */
static int host_starve (lua_State *L) {
  Allocator a;
  int status;
  a.left = (long)luaL_checknumber(L, 1);
  lua_settop(L, 2);
  a.f = lua_getallocf(L, &a.ud);
  lua_setallocf(L, allocate, &a);
  status = lua_pcall(L, 0, 1, 0);
  lua_setallocf(L, a.f, a.ud);
  lua_pushboolean(L, status == 0);
  lua_insert(L, -2);
  return 2;
}

int luaopen_spec_host (lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, host_fork);
  lua_setfield(L, -2, "fork");
  lua_pushcfunction(L, host_vanish);
  lua_setfield(L, -2, "vanish");
  lua_pushcfunction(L, host_wait);
  lua_setfield(L, -2, "wait");
  lua_pushcfunction(L, host_states);
  lua_setfield(L, -2, "states");
  lua_pushcfunction(L, host_starve);
  lua_setfield(L, -2, "starve");
  return 1;
}
