/*
** lock.c - a userdata that owns a descriptor, and with it the lock of its file.
** Used only by Lua's thread.
*/
#if !defined(__linux__)
#define _DARWIN_C_SOURCE /* for flock, like the next two */
#define __BSD_VISIBLE    1
#define _NETBSD_SOURCE
#endif

#include "base/class.h"

#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef O_CLOEXEC
#define O_CLOEXEC 0
#endif

#define LOCK_NAME "posthog.llm.lock"

typedef struct Lock {
  int fd; /* -1: closed */
} Lock;

static void lock_release (Lock *k) {
  int fd = k->fd;
  k->fd = -1;
  if (fd >= 0)
    close(fd); /* releases the lock, unless a child process has it too */
}

/* Whether the path still names the file of fd. */
static int is_current (int fd, const char *path) {
  struct stat held, named;
  return fstat(fd, &held) == 0 && stat(path, &named) == 0 &&
         held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

/*
** Returns 0, or -1 with errno; EWOULDBLOCK: another process has the lock. The
** former holder may have removed the file meanwhile: a lock on a file without a
** name would exclude nobody, so the path is opened again.
*/
static int acquire (Lock *k, const char *path) {
  for (;;) {
    k->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (k->fd < 0)
      return -1;
    while (flock(k->fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EINTR)
        return -1;
    }
    if (is_current(k->fd, path))
      return 0;
    lock_release(k);
  }
}

/*
** core.lock(path) -> lock | nil, message, errno; message "locked"
** Locks a file, which is created if it does not exist. The lock lasts until it
** is closed or collected, or until the process ends.
*/
static int lock_new (lua_State *L) {
  size_t len;
  const char *path = luaL_checklstring(L, 1, &len);
  Lock *k;
  luaL_argcheck(L, strlen(path) == len, 1, "a path cannot contain a zero byte");
  k = class_new(L, sizeof(*k), LOCK_NAME);
  k->fd = -1;
  if (acquire(k, path) != 0) {
    int code = errno;
    lock_release(k);
    lua_pushnil(L);
    lua_pushstring(L, code == EWOULDBLOCK ? "locked" : strerror(code));
    lua_pushinteger(L, code);
    return 3;
  }
  return 1;
}

static int lock_close (lua_State *L) {
  lock_release(luaL_checkudata(L, 1, LOCK_NAME));
  return 0;
}

void lock_open (lua_State *L) {
  static const luaL_Reg methods[] = {{"close", lock_close}, {NULL, NULL}};
  class_register(L, LOCK_NAME, methods, lock_close);
  lua_pushcfunction(L, lock_new);
  lua_setfield(L, -2, "lock");
}
