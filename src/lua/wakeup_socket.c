#if defined(__linux__)
#define _GNU_SOURCE /* struct ucred */
#else
#define _DARWIN_C_SOURCE /* getpeereid, as the next ones */
#define __BSD_VISIBLE    1
#define _NETBSD_SOURCE
#define _BSD_SOURCE
#endif

#include "base/compat.h"

#include "wakeup_socket.h"
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

#define DOORBELL_NAME "posthog.llm.doorbell"
#define SOCKET        "/bell"

/*
** The listening socket is there from doorbell() until accept(): nginx connects
** to it by its path, so there has to be one. It lies in a directory that only
** this user enters, and only this process is let in.
*/
typedef struct Doorbell {
  int listener;       /* -1: closed */
  char directory[64]; /* "": none */
  char path[64 + sizeof(SOCKET)];
} Doorbell;

static void doorbell_shut (Doorbell *d) {
  int listener = d->listener;
  d->listener = -1;
  if (listener >= 0)
    close(listener);
  if (d->path[0] != '\0')
    unlink(d->path);
  if (d->directory[0] != '\0')
    rmdir(d->directory);
  d->path[0] = d->directory[0] = '\0';
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
static int make_directory (Doorbell *d) {
  const char *places[] = {NULL, "/tmp", "/var/tmp", "/dev/shm"};
  size_t i;
  places[0] = getenv("TMPDIR");
  errno = ENOENT;
  for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
    char *directory = d->directory;
    int n;
    if (places[i] == NULL || places[i][0] != '/')
      continue;
    n = snprintf(directory, sizeof(d->directory), "%s/posthog-llm.XXXXXX",
                 places[i]);
    if (n > 0 && (size_t)n < sizeof(d->directory) && mkdtemp(directory) != NULL)
      return 0;
    directory[0] = '\0';
  }
  return -1;
}

static int listen_at (Doorbell *d) {
  struct sockaddr_un address;
  memset(&address, 0, sizeof(address));
  address.sun_family = AF_UNIX;
  snprintf(d->path, sizeof(d->path), "%s" SOCKET, d->directory);
  if (strlen(d->path) >= sizeof(address.sun_path)) {
    d->path[0] = '\0';
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(address.sun_path, d->path, strlen(d->path));
  d->listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (d->listener < 0 || set_flags(d->listener) != 0)
    return -1;
  if (bind(d->listener, (struct sockaddr *)&address, sizeof(address)) != 0)
    return -1;
  return listen(d->listener, 8);
}

/*
** core.doorbell() -> doorbell | nil, message
** Listens. What is left of it, when it is collected, goes.
*/
static int doorbell_new (lua_State *L) {
  Doorbell *d = handles_new(L, sizeof(*d), DOORBELL_NAME);
  d->listener = -1;
  if (make_directory(d) != 0)
    return failed(L, "cannot make a directory for a socket", errno);
  if (listen_at(d) != 0) {
    int number = errno;
    doorbell_shut(d);
    return failed(L, "cannot listen on a unix socket", number);
  }
  return 1;
}

static Doorbell *check_listening (lua_State *L) {
  Doorbell *d = luaL_checkudata(L, 1, DOORBELL_NAME);
  luaL_argcheck(L, d->listener >= 0, 1, "doorbell is closed");
  return d;
}

/* doorbell:path() -> where to connect to, once, before accept */
static int doorbell_path (lua_State *L) {
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
static int accept_own (const Doorbell *d) {
  for (;;) {
    int fd = accept(d->listener, NULL, NULL);
    if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
      return -1;
    if (fd >= 0 && is_own(fd) && set_flags(fd) == 0)
      return fd;
    if (fd >= 0)
      close(fd);
  }
}

/*
** doorbell:accept(engine) -> true | nil, message
** Takes the connection that this process has just made. From now on the other
** end of it gets bytes when the engine's list of finished transfers ceases to
** be empty: read what is there, then collect. Ends the listening in any case.
*/
static int doorbell_accept (lua_State *L) {
  Doorbell *d = check_listening(L);
  Engine *e = handles_engine(L, 2);
  int fd = accept_own(d);
  int number = errno;
  doorbell_shut(d);
  if (fd < 0)
    return failed(L, "no connection to the doorbell", number);
  engine_ring(e, fd);
  lua_pushboolean(L, 1);
  return 1;
}

static int doorbell_gc (lua_State *L) {
  Doorbell *d = luaL_checkudata(L, 1, DOORBELL_NAME);
  doorbell_shut(d);
  return 0;
}

void doorbell_open (lua_State *L) {
  static const luaL_Reg methods[] = {
      {"path", doorbell_path},
      {"accept", doorbell_accept},
      {"close", doorbell_gc},
      {NULL, NULL},
  };
  handles_class(L, DOORBELL_NAME, methods, doorbell_gc);
  lua_pushcfunction(L, doorbell_new);
  lua_setfield(L, -2, "doorbell");
}
