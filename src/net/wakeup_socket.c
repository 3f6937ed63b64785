/*
** wakeup_socket.c - a unix socket to which only this process can connect. Owned
** by the userdata that embeds it; used only by Lua's thread.
*/
#if defined(__linux__)
#define _GNU_SOURCE /* struct ucred */
#else
#define _DARWIN_C_SOURCE /* for getpeereid, like the next three */
#define __BSD_VISIBLE    1
#define _NETBSD_SOURCE
#define _BSD_SOURCE
#endif

#include "base/posix.h"

#include "wakeup_socket.h"

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

void wakeup_socket_close (WakeupSocket *s) {
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

static int set_flags (int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
    return -1;
  return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* Makes a directory with mode 0700 in the first folder that allows it; 0, or -1
** with errno of the last one. */
static int make_directory (WakeupSocket *s) {
  const char *folders[] = {NULL, "/tmp", "/var/tmp", "/dev/shm"};
  size_t i;
  folders[0] = getenv("TMPDIR");
  errno = ENOENT;
  for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
    char *directory = s->directory;
    int n;
    if (folders[i] == NULL || folders[i][0] != '/')
      continue;
    n = snprintf(directory, sizeof(s->directory), "%s/posthog-llm.XXXXXX",
                 folders[i]);
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
  snprintf(s->path, sizeof(s->path), "%s" WAKEUP_SOCKET_FILE, s->directory);
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

int wakeup_socket_open (WakeupSocket *s, const char **why) {
  int number;
  s->listener = -1;
  *why = "cannot make a directory for a socket";
  if (make_directory(s) != 0)
    return -1;
  *why = "cannot listen on a unix socket";
  if (listen_at(s) == 0)
    return 0;
  number = errno;
  wakeup_socket_close(s);
  errno = number;
  return -1;
}

/* Whether the other end belongs to this process, or, if the system does not
** say, at least to this user. */
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

int wakeup_socket_accept (const WakeupSocket *s) {
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
