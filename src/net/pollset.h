/*
** pollset.h - the descriptors that an engine polls, with their pools.
*/
#ifndef POSTHOG_LLM_NET_POLLSET_H
#define POSTHOG_LLM_NET_POLLSET_H

#include <poll.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

struct Pool;

typedef struct PollsetEvent {
  int fd;
  short revents;
  struct Pool *owner;
} PollsetEvent;

typedef struct Pollset {
  struct pollfd *fds;
  struct Pool **owners; /* parallel to fds */
  size_t len, size;
  int *slots; /* descriptor -> slot, -1: none */
  size_t slots_size;
  PollsetEvent *fired; /* set by pollset_fired */
  size_t fired_size;
} Pollset;

/* events as for poll(); 0 removes the descriptor. 0, or -1: out of memory. */
int pollset_set (Pollset *s, int fd, short events, struct Pool *owner);

/*
** Copies the descriptors that poll() found ready, except slot 0, to s->fired,
** since handling one may add and remove others. Returns their number. One that
** is closed and opened again meanwhile is handled needlessly, which libcurl
** allows.
*/
size_t pollset_fired (Pollset *s, int ready);
void pollset_free (Pollset *s);

#pragma GCC visibility pop

#endif
