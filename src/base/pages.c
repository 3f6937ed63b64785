/*
** pages.c - gives pages back by madvise, as Linux understands MADV_DONTNEED:
** at once, whatever malloc had them from. Elsewhere it is only a hint.
*/
#define _DEFAULT_SOURCE /* madvise */
#include "posix.h"

#include "pages.h"

#if defined(__linux__)

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

char *pages_discard (char *from, char *to) {
  long size = sysconf(_SC_PAGESIZE);
  uintptr_t mask, first, last;
  if (size <= 0)
    return to;
  mask = (uintptr_t)size - 1;
  first = ((uintptr_t)from + mask) & ~mask;
  last = (uintptr_t)to & ~mask;
  if (first >= last)
    return from;
  from += first - (uintptr_t)from;
  (void)madvise(from, last - first, MADV_DONTNEED); /* or they remain */
  return from + (last - first);
}

#else

char *pages_discard (char *from, char *to) {
  (void)from;
  return to;
}

#endif
