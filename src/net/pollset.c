/*
** pollset.c - the list for poll(). The engine owns it; only the thread that
** runs the engine's turns uses it.
*/
#include "base/posix.h"

#include "pollset.h"

#include <stdlib.h>

static int grow_slots (Pollset *s, size_t fd) {
  size_t size = s->slots_size > 0 ? s->slots_size : 64;
  int *slots;
  while (size <= fd)
    size *= 2;
  slots = realloc(s->slots, size * sizeof(*slots));
  if (slots == NULL)
    return -1;
  while (s->slots_size < size)
    slots[s->slots_size++] = -1;
  s->slots = slots;
  return 0;
}

static int grow_fds (Pollset *s) {
  size_t size = s->size > 0 ? s->size * 2 : 16;
  struct pollfd *fds = realloc(s->fds, size * sizeof(*fds));
  struct Pool **owners;
  if (fds == NULL)
    return -1;
  s->fds = fds;
  owners = realloc(s->owners, size * sizeof(*owners));
  if (owners == NULL)
    return -1;
  s->owners = owners;
  s->size = size;
  return 0;
}

static void forget (Pollset *s, int fd) {
  int slot = (size_t)fd < s->slots_size ? s->slots[fd] : -1;
  if (slot < 0)
    return;
  s->slots[fd] = -1;
  s->len--;
  if ((size_t)slot < s->len) { /* the last one moves into the gap */
    s->fds[slot] = s->fds[s->len];
    s->owners[slot] = s->owners[s->len];
    s->slots[s->fds[slot].fd] = slot;
  }
}

int pollset_set (Pollset *s, int fd, short events, struct Pool *owner) {
  size_t slot;
  if (events == 0) {
    forget(s, fd);
    return 0;
  }
  if ((size_t)fd >= s->slots_size && grow_slots(s, (size_t)fd) != 0)
    return -1;
  if (s->slots[fd] < 0) {
    if (s->len == s->size && grow_fds(s) != 0)
      return -1;
    s->slots[fd] = (int)s->len++;
  }
  slot = (size_t)s->slots[fd];
  s->fds[slot].fd = fd;
  s->fds[slot].events = events;
  s->fds[slot].revents = 0;
  s->owners[slot] = owner;
  return 0;
}

size_t pollset_fired (Pollset *s, int ready) {
  size_t i, n = 0;
  if (s->fired_size < s->len) {
    PollsetEvent *fired = realloc(s->fired, s->size * sizeof(*fired));
    if (fired == NULL)
      return 0; /* poll will report them again */
    s->fired = fired;
    s->fired_size = s->size;
  }
  for (i = 1; i < s->len && (int)n < ready; i++) {
    if (s->fds[i].revents != 0) {
      s->fired[n].fd = s->fds[i].fd;
      s->fired[n].revents = s->fds[i].revents;
      s->fired[n++].owner = s->owners[i];
    }
  }
  return n;
}

void pollset_free (Pollset *s) {
  free(s->fds);
  free(s->owners);
  free(s->slots);
  free(s->fired);
}
