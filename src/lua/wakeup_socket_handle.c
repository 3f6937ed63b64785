#if defined(__linux__)
#define _GNU_SOURCE /* struct ucred */
#else
#define _DARWIN_C_SOURCE /* getpeereid, as the next ones */
#define __BSD_VISIBLE    1
#define _NETBSD_SOURCE
#define _BSD_SOURCE
#endif

#include "base/compat.h"

#include "wakeup_socket_handle.h"
#include "handles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#define WAKEUP_SOCKET_NAME "posthog.llm.wakeup_socket"
#define SOCKET             "/wakeup"

/*
** The listening socket is there from wakeup_socket() until accept(): nginx
** connects to it by its path, so there has to be one. It lies in a directory
** that only this user enters, and only this process is let in.
*/
typedef struct WakeupSocket {
  int listener;       /* -1: closed */
  char directory[64]; /* "": none */
  char path[64 + sizeof(SOCKET)];
} WakeupSocket;

static void wakeup_socket_shut (WakeupSocket *s) {
  int listener = s->listener;
  s->listener = -1;
  if (listener >= 0)
    close(listener);
  if (s->path[0] != '\0')
    unlink(s->path);
  if (s->directory[0] != '\0')
    rmdir(s->directory);
  s->path[0] = s->directory[0] = '\0';
}

static int failed (lua_State *L, const char *what, int number) {
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", what, strerror(number));
  return 2;
}

static int set_flags (int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
    return -1;
  return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* 0700, wherever one can be made; 0, or -1 with errno of the last place. */
static int make_directory (WakeupSocket *s) {
  const char *places[] = {NULL, "/tmp", "/var/tmp", "/dev/shm"};
  size_t i;
  places[0] = getenv("TMPDIR");
  errno = ENOENT;
  for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
    char *directory = s->directory;
    int n;
    if (places[i] == NULL || places[i][0] != '/')
      continue;
    n = snprintf(directory, sizeof(s->directory), "%s/posthog-llm.XXXXXX",
                 places[i]);
    if (n > 0 && (size_t)n < sizeof(s->directory) && mkdtemp(directory) != NULL)
      return 0;
    directory[0] = '\0';
  }
  return -1;
}

static int listen_at (WakeupSocket *s) {
  struct sockaddr_un address;
  memset(&address, 0, sizeof(address));
  address.sun_family = AF_UNIX;
  snprintf(s->path, sizeof(s->path), "%s" SOCKET, s->directory);
  if (strlen(s->path) >= sizeof(address.sun_path)) {
    s->path[0] = '\0';
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(address.sun_path, s->path, strlen(s->path));
  s->listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (s->listener < 0 || set_flags(s->listener) != 0)
    return -1;
  if (bind(s->listener, (struct sockaddr *)&address, sizeof(address)) != 0)
    return -1;
  return listen(s->listener, 8);
}

/*
** core.wakeup_socket() -> socket | nil, message
** Listens. What is left of it, when it is collected, goes.
*/
static int wakeup_socket_new (lua_State *L) {
  WakeupSocket *s = handles_new(L, sizeof(*s), WAKEUP_SOCKET_NAME);
  s->listener = -1;
  if (make_directory(s) != 0)
    return failed(L, "cannot make a directory for a socket", errno);
  if (listen_at(s) != 0) {
    int number = errno;
    wakeup_socket_shut(s);
    return failed(L, "cannot listen on a unix socket", number);
  }
  return 1;
}

static WakeupSocket *check_listening (lua_State *L) {
  WakeupSocket *s = luaL_checkudata(L, 1, WAKEUP_SOCKET_NAME);
  luaL_argcheck(L, s->listener >= 0, 1, "the wake-up socket is closed");
  return s;
}

/* socket:path() -> where to connect to, once, before accept */
static int wakeup_socket_path (lua_State *L) {
  lua_pushstring(L, check_listening(L)->path);
  return 1;
}

/* Whether the other end is held by this process; by this user, where the
** system does not tell more. */
static int is_own (int fd) {
#if defined(SO_PEERCRED) && defined(__linux__)
  struct ucred peer;
  socklen_t len = sizeof(peer);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
    return 0;
  return peer.pid == getpid() && peer.uid == geteuid();
#else
  uid_t user;
  gid_t group;
  return getpeereid(fd, &user, &group) == 0 && user == geteuid();
#endif
}

/* The connection of this process, -1 with errno without one. */
static int accept_own (const WakeupSocket *s) {
  for (;;) {
    int fd = accept(s->listener, NULL, NULL);
    if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
      return -1;
    if (fd >= 0 && is_own(fd) && set_flags(fd) == 0)
      return fd;
    if (fd >= 0)
      close(fd);
  }
}

/*
** socket:accept(engine) -> true | nil, message
** Takes the connection that this process has just made. From now on the other
** end of it gets bytes when the engine's list of finished transfers ceases to
** be empty: read what is there, then collect. Ends the listening in any case.
*/
static int wakeup_socket_accept (lua_State *L) {
  WakeupSocket *s = check_listening(L);
  Engine *e = handles_engine(L, 2);
  int fd = accept_own(s);
  int number = errno;
  wakeup_socket_shut(s);
  if (fd < 0)
    return failed(L, "no connection to the wake-up socket", number);
  engine_set_wakeup(e, fd);
  lua_pushboolean(L, 1);
  return 1;
}

static int wakeup_socket_gc (lua_State *L) {
  WakeupSocket *s = luaL_checkudata(L, 1, WAKEUP_SOCKET_NAME);
  wakeup_socket_shut(s);
  return 0;
}

void wakeup_socket_open (lua_State *L) {
  static const luaL_Reg methods[] = {
      {"path", wakeup_socket_path},
      {"accept", wakeup_socket_accept},
      {"close", wakeup_socket_gc},
      {NULL, NULL},
  };
  handles_class(L, WAKEUP_SOCKET_NAME, methods, wakeup_socket_gc);
  lua_pushcfunction(L, wakeup_socket_new);
  lua_setfield(L, -2, "wakeup_socket");
}
