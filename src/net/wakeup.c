/*
** wakeup.c - an eventfd, or a pipe on systems without. Owned by the engine; any
** thread may signal, only the one that polls clears.
*/
#include "base/posix.h"

#include "wakeup.h"

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/eventfd.h>

int wakeup_open (Wakeup *w) {
  w->reader = w->writer = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return w->reader < 0 ? -1 : 0;
}

#else

static int prepare (int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
    return -1;
  return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int wakeup_open (Wakeup *w) {
  int ends[2];
  w->reader = w->writer = -1;
  if (pipe(ends) != 0)
    return -1;
  w->reader = ends[0];
  w->writer = ends[1];
  if (prepare(ends[0]) != 0 || prepare(ends[1]) != 0) {
    wakeup_close(w);
    return -1;
  }
  return 0;
}

#endif

void wakeup_signal (const Wakeup *w) {
  uint64_t one = 1; /* eventfd takes eight bytes; a pipe takes any */
  ssize_t n = write(w->writer, &one, sizeof(one));
  (void)n; /* full means that it is readable already */
}

void wakeup_clear (const Wakeup *w) {
  char bytes[512];
  ssize_t n = w->reader < 0 ? 0 : read(w->reader, bytes, sizeof(bytes));
  (void)n; /* what a pipe keeps wakes once more, which is harmless */
}

void wakeup_close (Wakeup *w) {
  int reader = w->reader, writer = w->writer;
  w->reader = w->writer = -1;
  if (reader >= 0)
    close(reader);
  if (writer >= 0 && writer != reader)
    close(writer);
}
