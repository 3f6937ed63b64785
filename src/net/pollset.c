#include "base/compat.h"

#include "pollset.h"

#include <stdlib.h>

static int grow_slots (Watches *w, size_t fd) {
  size_t size = w->slots_size > 0 ? w->slots_size : 64;
  int *slots;
  while (size <= fd)
    size *= 2;
  slots = realloc(w->slots, size * sizeof(*slots));
  if (slots == NULL)
    return -1;
  while (w->slots_size < size)
    slots[w->slots_size++] = -1;
  w->slots = slots;
  return 0;
}

static int grow_fds (Watches *w) {
  size_t size = w->size > 0 ? w->size * 2 : 16;
  struct pollfd *fds = realloc(w->fds, size * sizeof(*fds));
  struct Pool **owners;
  if (fds == NULL)
    return -1;
  w->fds = fds;
  owners = realloc(w->owners, size * sizeof(*owners));
  if (owners == NULL)
    return -1;
  w->owners = owners;
  w->size = size;
  return 0;
}

static void forget (Watches *w, int fd) {
  int slot = (size_t)fd < w->slots_size ? w->slots[fd] : -1;
  if (slot < 0)
    return;
  w->slots[fd] = -1;
  w->len--;
  if ((size_t)slot < w->len) { /* the last one moves into the gap */
    w->fds[slot] = w->fds[w->len];
    w->owners[slot] = w->owners[w->len];
    w->slots[w->fds[slot].fd] = slot;
  }
}

int watches_set (Watches *w, int fd, short events, struct Pool *owner) {
  size_t slot;
  if (events == 0) {
    forget(w, fd);
    return 0;
  }
  if ((size_t)fd >= w->slots_size && grow_slots(w, (size_t)fd) != 0)
    return -1;
  if (w->slots[fd] < 0) {
    if (w->len == w->size && grow_fds(w) != 0)
      return -1;
    w->slots[fd] = (int)w->len++;
  }
  slot = (size_t)w->slots[fd];
  w->fds[slot].fd = fd;
  w->fds[slot].events = events;
  w->fds[slot].revents = 0;
  w->owners[slot] = owner;
  return 0;
}

size_t watches_fired (Watches *w, int ready) {
  size_t i, n = 0;
  if (w->fired_size < w->len) {
    Watch *fired = realloc(w->fired, w->size * sizeof(*fired));
    if (fired == NULL)
      return 0; /* poll reports them again */
    w->fired = fired;
    w->fired_size = w->size;
  }
  for (i = 1; i < w->len && (int)n < ready; i++) {
    if (w->fds[i].revents != 0) {
      w->fired[n].fd = w->fds[i].fd;
      w->fired[n].revents = w->fds[i].revents;
      w->fired[n++].owner = w->owners[i];
    }
  }
  return n;
}

void watches_free (Watches *w) {
  free(w->fds);
  free(w->owners);
  free(w->slots);
  free(w->fired);
}
