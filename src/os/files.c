/*
** files.c - durable and private files. No descriptor outlives the call that
** opens it. Used only by Lua's thread.
*/
#define _XOPEN_SOURCE 700 /* realpath */

#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef O_CLOEXEC
#define O_CLOEXEC 0
#endif

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

static const char *check_path (lua_State *L, int arg) {
  size_t len;
  const char *path = luaL_checklstring(L, arg, &len);
  luaL_argcheck(L, strlen(path) == len, arg,
                "a path cannot contain a zero byte");
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
    if (errno == EINVAL) /* cannot be synced: folders of some file systems */
      return 0;
    if (errno != EINTR)
      return -1;
  }
  return 0;
}

/* Closes fd. If the operation had failed already, its errno is kept. */
static int finish (int fd, int failed) {
  int before = errno;
  int closed = close(fd); /* on Linux it is closed even after EINTR */
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

static mode_t check_mode (lua_State *L, int arg) {
  lua_Integer mode = luaL_checkinteger(L, arg);
  luaL_argcheck(L, mode >= 0 && mode <= 0777, arg, "a mode is from 0 to 0777");
  return (mode_t)mode;
}

/*
** core.create_file(path, text, like | mode?) -> true | nil, message, errno
** Creates a file, whose text is on the disk when this returns. Its mode is the
** given one, or that of the file `like` if it exists, else 0644 less the umask.
** Fails if anything exists at the path, even a symbolic link. A failure leaves
** no file. No Lua call while fd is open.
*/
static int files_create (lua_State *L) {
  size_t len;
  const char *path = check_path(L, 1);
  const char *text = luaL_checklstring(L, 2, &len);
  int has_mode = lua_type(L, 3) == LUA_TNUMBER;
  const char *like =
      has_mode || lua_isnoneornil(L, 3) ? NULL : check_path(L, 3);
  struct stat there;
  int is_like = has_mode || (like != NULL && stat(like, &there) == 0);
  if (has_mode)
    there.st_mode = check_mode(L, 3);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                is_like ? 0600 : 0644);
  int failed = fd < 0;
  if (!failed) {
    if (is_like) /* on failure it stays at 0600 */
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
** Waits until a file, or the entries of a folder, are on the disk.
*/
static int files_sync (lua_State *L) {
  const char *path = check_path(L, 1);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  int failed = fd < 0;
  if (!failed)
    failed = finish(fd, sync_all(fd) != 0) != 0;
  return push_outcome(L, failed);
}

/* Reads at most `size` bytes; -1 on an error. */
static ssize_t read_all (int fd, char *s, size_t size) {
  size_t len = 0;
  while (len < size) {
    ssize_t n = read(fd, s + len, size - len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    len += (size_t)n;
  }
  return (ssize_t)len;
}

/*
** core.read_file(path, most) -> text, mode, own | nil, message, errno
**                                               | nil, reason
** Reads a file: its text, its mode, and whether the user owns it. reason:
** "kind", not a regular file; "size", more than `most` bytes. Never blocks, not
** even on a pipe. No Lua call while fd is open.
*/
static int files_read (lua_State *L) {
  const char *path = check_path(L, 1);
  size_t most = (size_t)luaL_checkinteger(L, 2);
  char *text = lua_newuserdata(L, most + 1);
  const char *reason = NULL;
  struct stat st;
  ssize_t len = -1;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  int failed = fd < 0;
  if (!failed) {
    failed = fstat(fd, &st) != 0;
    if (!failed && !S_ISREG(st.st_mode))
      reason = "kind";
    if (!failed && reason == NULL) {
      len = read_all(fd, text, most + 1);
      failed = len < 0;
      if (len > (ssize_t)most)
        reason = "size";
    }
    failed = finish(fd, failed) != 0;
  }
  if (failed)
    return push_outcome(L, failed);
  if (reason != NULL) {
    lua_pushnil(L);
    lua_pushstring(L, reason);
    return 2;
  }
  lua_pushlstring(L, text, (size_t)len);
  lua_pushinteger(L, (lua_Integer)(st.st_mode & 07777));
  lua_pushboolean(L, st.st_uid == geteuid());
  return 3;
}

/* core.create_folder(path, mode) -> true | nil, message, errno, mode?
** The second mode is that of a folder that exists already at the path, or at
** the target of a link there. */
static int files_create_folder (lua_State *L) {
  const char *path = check_path(L, 1);
  int failed = mkdir(path, check_mode(L, 2)) != 0;
  int code = errno;
  struct stat st;
  int exists =
      failed && code == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
  int n;
  errno = code;
  n = push_outcome(L, failed);
  if (!exists)
    return n;
  lua_pushinteger(L, (lua_Integer)(st.st_mode & 07777));
  return n + 1;
}

/* core.set_mode(path, mode) -> true | nil, message, errno */
static int files_set_mode (lua_State *L) {
  const char *path = check_path(L, 1);
  return push_outcome(L, chmod(path, check_mode(L, 2)) != 0);
}

/*
** core.real_path(path) -> path | nil, message, errno
** The absolute path without symbolic links; all of it must exist.
*/
static int files_real_path (lua_State *L) {
  const char *path = check_path(L, 1);
  char *real = lua_newuserdata(L, PATH_MAX + 1);
  if (realpath(path, real) == NULL)
    return push_outcome(L, 1);
  lua_pushstring(L, real);
  return 1;
}

/*
** core.read_link(path) -> target | nil, message, errno
** Where a symbolic link leads to, as it is written; nothing need be there.
*/
static int files_read_link (lua_State *L) {
  const char *path = check_path(L, 1);
  char *target = lua_newuserdata(L, PATH_MAX);
  ssize_t len = readlink(path, target, PATH_MAX);
  if (len < 0)
    return push_outcome(L, 1);
  lua_pushlstring(L, target, (size_t)len);
  return 1;
}

/*
** core.file_id(path) -> id | nil, message, errno | nil, "kind"
** A text that is the same for all names of one regular file, links followed.
*/
static int files_id (lua_State *L) {
  const char *path = check_path(L, 1);
  char id[64];
  struct stat st;
  if (stat(path, &st) != 0)
    return push_outcome(L, 1);
  if (!S_ISREG(st.st_mode)) {
    lua_pushnil(L);
    lua_pushliteral(L, "kind");
    return 2;
  }
  snprintf(id, sizeof(id), "%llu:%llu", (unsigned long long)st.st_dev,
           (unsigned long long)st.st_ino);
  lua_pushstring(L, id);
  return 1;
}

/*
** core.truncate(path, bytes) -> true | nil, message, errno
** Truncates a file to a length in bytes, and waits until that is on the disk.
*/
static int files_truncate (lua_State *L) {
  const char *path = check_path(L, 1);
  lua_Number bytes = luaL_checknumber(L, 2);
  int fd, failed;
  luaL_argcheck(L, bytes >= 0 && bytes < 9e15, 2, "invalid size");
  fd = open(path, O_WRONLY | O_CLOEXEC);
  failed = fd < 0;
  if (!failed) {
    failed = ftruncate(fd, (off_t)bytes) != 0 || sync_all(fd) != 0;
    failed = finish(fd, failed) != 0;
  }
  return push_outcome(L, failed);
}

void files_open (lua_State *L) {
  static const luaL_Reg functions[] = {
      {"create_file", files_create}, {"create_folder", files_create_folder},
      {"file_id", files_id},         {"read_link", files_read_link},
      {"read_file", files_read},     {"real_path", files_real_path},
      {"set_mode", files_set_mode},  {"sync", files_sync},
      {"truncate", files_truncate},  {NULL, NULL},
  };
  luaL_setfuncs(L, functions, 0);
}
