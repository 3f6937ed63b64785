/*
** pollset.h - the descriptors that an engine polls, and for which pool.
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
  PollsetEvent *fired; /* by pollset_fired */
  size_t fired_size;
} Pollset;

/* events as for poll(); 0 forgets the descriptor. 0, or -1 without memory. */
int pollset_set (Pollset *s, int fd, short events, struct Pool *owner);

/*
** Copies those that poll() found ready, slot 0 excepted, to s->fired: acting
** on one may add and remove others. Returns their number. One that was closed
** and opened again meanwhile gets a call for nothing, which libcurl allows.
*/
size_t pollset_fired (Pollset *s, int ready);
void pollset_free (Pollset *s);

#pragma GCC visibility pop

#endif
