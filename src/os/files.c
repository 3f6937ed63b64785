/*
** files.c - files that have to last. No descriptor outlives the call that opens
** it. Lua's thread alone.
*/
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef O_CLOEXEC
#define O_CLOEXEC 0
#endif

static const char *check_path (lua_State *L, int arg) {
  size_t len;
  const char *path = luaL_checklstring(L, arg, &len);
  luaL_argcheck(L, strlen(path) == len, arg, "a path cannot hold a zero byte");
  return path;
}

static int write_all (int fd, const char *s, size_t len) {
  while (len > 0) {
    ssize_t n = write(fd, s, len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    s += n;
    len -= (size_t)n;
  }
  return 0;
}

static int sync_all (int fd) {
  while (fsync(fd) != 0) {
    if (errno == EINVAL) /* nothing that could be synced: some folders */
      return 0;
    if (errno != EINTR)
      return -1;
  }
  return 0;
}

/* Closes fd. The error is the one that was there before, if any. */
static int finish (int fd, int failed) {
  int before = errno;
  int closed = close(fd); /* EINTR too leaves it closed on Linux */
  if (failed) {
    errno = before;
    return -1;
  }
  return closed != 0 && errno != EINTR ? -1 : 0;
}

static int push_outcome (lua_State *L, int failed) {
  int code = errno;
  if (failed) {
    lua_pushnil(L);
    lua_pushstring(L, strerror(code));
    lua_pushinteger(L, code);
    return 3;
  }
  lua_pushboolean(L, 1);
  return 1;
}

/*
** core.create_file(path, text, like?) -> true | nil, message, errno
** A new file, whose text is on the disk when this returns. Its mode is that of
** the file `like`, if there is one, else 0644 less the umask. Fails where
** anything is at the path, a symbolic link too; what fails half-way leaves no
** file. No Lua call while fd is open.
*/
static int files_create (lua_State *L) {
  size_t len;
  const char *path = check_path(L, 1);
  const char *text = luaL_checklstring(L, 2, &len);
  const char *like = lua_isnoneornil(L, 3) ? NULL : check_path(L, 3);
  struct stat there;
  int is_like = like != NULL && stat(like, &there) == 0;
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                is_like ? 0600 : 0644);
  int failed = fd < 0;
  if (!failed) {
    if (is_like) /* where that cannot be, it is the owner's alone */
      (void)fchmod(fd, there.st_mode & 0777);
    failed = write_all(fd, text, len) != 0 || sync_all(fd) != 0;
    failed = finish(fd, failed) != 0;
    if (failed) {
      int code = errno;
      (void)unlink(path);
      errno = code;
    }
  }
  return push_outcome(L, failed);
}

/*
** core.sync(path) -> true | nil, message, errno
** Waits until a file, or the list of names of a folder, is on the disk.
*/
static int files_sync (lua_State *L) {
  const char *path = check_path(L, 1);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  int failed = fd < 0;
  if (!failed)
    failed = finish(fd, sync_all(fd) != 0) != 0;
  return push_outcome(L, failed);
}

void files_open (lua_State *L) {
  lua_pushcfunction(L, files_create);
  lua_setfield(L, -2, "create_file");
  lua_pushcfunction(L, files_sync);
  lua_setfield(L, -2, "sync");
}
