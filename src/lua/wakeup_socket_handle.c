/*
** wakeup_socket_handle.c - the wake-up socket in Lua: a userdata that contains
** it. Used only by Lua's thread.
*/
#include "base/class.h"

#include "wakeup_socket_handle.h"

#include "engine_handle.h"
#include "net/wakeup_socket.h"

#include <errno.h>
#include <string.h>

#define WAKEUP_SOCKET_NAME "posthog.llm.wakeup_socket"

static int failed (lua_State *L, const char *what, int number) {
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", what, strerror(number));
  return 2;
}

/*
** core.wakeup_socket() -> socket | nil, message
** Starts to listen. The garbage collector closes it and removes its files.
*/
static int socket_new (lua_State *L) {
  WakeupSocket *s = class_new(L, sizeof(*s), WAKEUP_SOCKET_NAME);
  const char *why;
  if (wakeup_socket_open(s, &why) != 0)
    return failed(L, why, errno);
  return 1;
}

static WakeupSocket *check_listening (lua_State *L) {
  WakeupSocket *s = luaL_checkudata(L, 1, WAKEUP_SOCKET_NAME);
  luaL_argcheck(L, s->listener >= 0, 1, "the wake-up socket is closed");
  return s;
}

/* socket:path() -> the path to connect to, once, before accept */
static int socket_path (lua_State *L) {
  lua_pushstring(L, check_listening(L)->path);
  return 1;
}

/*
** socket:accept(engine) -> true | nil, message
** Accepts the connection that this process has just made. From now on bytes
** arrive at its other end when the engine's list of finished transfers becomes
** nonempty: read them, then collect. Stops listening in any case.
*/
static int socket_accept (lua_State *L) {
  WakeupSocket *s = check_listening(L);
  Engine *e = engine_handle_check(L, 2);
  int fd = wakeup_socket_accept(s);
  int number = errno;
  wakeup_socket_close(s);
  if (fd < 0)
    return failed(L, "no connection to the wake-up socket", number);
  engine_set_wakeup(e, fd);
  lua_pushboolean(L, 1);
  return 1;
}

static int socket_gc (lua_State *L) {
  wakeup_socket_close(luaL_checkudata(L, 1, WAKEUP_SOCKET_NAME));
  return 0;
}

void wakeup_socket_handle_open (lua_State *L) {
  static const luaL_Reg methods[] = {
      {"path", socket_path},
      {"accept", socket_accept},
      {"close", socket_gc},
      {NULL, NULL},
  };
  class_register(L, WAKEUP_SOCKET_NAME, methods, socket_gc);
  lua_pushcfunction(L, socket_new);
  lua_setfield(L, -2, "wakeup_socket");
}
