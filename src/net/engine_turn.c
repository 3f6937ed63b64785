/*
** engine_turn.c - the work of the engine's thread, or, without one, of Lua's
** thread during a wait: takes orders, runs the pools, polls the descriptors.
*/
#include "base/clock.h"

#include "engine_state.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

/* A new connection costs about 30 us: more starts in one turn would delay the
** responses of other transfers. */
#define STARTS_PER_TURN 16

static void disown (Transfer *t) {
  if (t->prev_owned != NULL)
    t->prev_owned->next_owned = t->next_owned;
  else if (t->pool->owned == t)
    t->pool->owned = t->next_owned;
  if (t->next_owned != NULL)
    t->next_owned->prev_owned = t->prev_owned;
  t->prev_owned = t->next_owned = NULL;
}

void engine_finish (Engine *e, Transfer *t) {
  engine_lock(e);
  disown(t);
  t->unread = t->response.len;
  e->unread += t->unread;
  if (t->state != TRANSFER_DONE) {
    t->state = TRANSFER_DONE;
    engine_append_finished(e, t);
  }
  engine_unref(e, t);
  engine_unlock(e);
}

Transfer *engine_owned (Engine *e, Pool *p, int active) {
  Transfer *t;
  engine_lock(e);
  for (t = p->owned; t != NULL && active && t->easy == NULL;)
    t = t->next_owned;
  engine_unlock(e);
  return t;
}

Transfer *engine_overdue (Engine *e, Pool *p, int64_t now_ms,
                          int64_t *next_ms) {
  Transfer *t;
  *next_ms = -1;
  engine_lock(e);
  for (t = p->owned; t != NULL; t = t->next_owned) {
    if (t->easy == NULL || t->overdue_ms == 0)
      continue;
    if (t->overdue_ms <= now_ms)
      break;
    if (*next_ms < 0 || t->overdue_ms < *next_ms)
      *next_ms = t->overdue_ms;
  }
  engine_unlock(e);
  return t;
}

int engine_watch (Engine *e, Pool *p, int fd, short events) {
  return pollset_set(&e->pollset, fd, events, p);
}

static void drop_pool (Engine *e, Pool *p) {
  Pool **link = &e->pools;
  while (*link != NULL && *link != p)
    link = &(*link)->next;
  if (*link == p)
    *link = p->next;
  pool_teardown(p);
  free(p);
}

int engine_take_orders (Engine *e) {
  Transfer *inbox, *cancels, *wanted, *t;
  Pool *closing = NULL, *p;
  int stopping;
  engine_lock(e);
  stopping = e->stopping;
  inbox = e->inbox;
  cancels = e->cancels;
  wanted = e->wanted;
  e->inbox = e->inbox_last = e->cancels = e->wanted = NULL;
  while ((p = e->pool_inbox) != NULL) {
    e->pool_inbox = p->next_inbox;
    p->in_inbox = 0;
    if (p->closing) { /* Lua does not use it any more, nor next_inbox */
      p->next_inbox = closing;
      closing = p;
    } else {
      p->next = e->pools;
      e->pools = p;
    }
  }
  engine_unlock(e);
  while ((t = inbox) != NULL) {
    inbox = t->next_inbox;
    if (pool_enqueue(t->pool, t) != 0) {
      t->code = CURLE_OUT_OF_MEMORY;
      engine_finish(e, t);
    }
  }
  while ((t = wanted) != NULL) {
    wanted = t->next_wanted;
    engine_lock(e);
    t->wanted = 0; /* Lua's thread may use next_wanted again */
    engine_unlock(e);
    pool_resume(t->pool, t, clock_ms());
    engine_lock(e);
    engine_unref(e, t);
    engine_unlock(e);
  }
  while ((t = cancels) != NULL) {
    cancels = t->next_cancel;
    pool_cancel(t->pool, t);
    engine_lock(e);
    engine_unref(e, t);
    engine_unlock(e);
  }
  while ((p = closing) != NULL) {
    closing = p->next_inbox;
    drop_pool(e, p);
  }
  return !stopping;
}

static int poll_timeout (const Engine *e, int64_t now_ms) {
  int64_t at = -1;
  const Pool *p;
  for (p = e->pools; p != NULL; p = p->next) {
    int64_t wakes = pool_wakes_at(p);
    if (wakes >= 0 && (at < 0 || wakes < at))
      at = wakes;
  }
  if (at < 0)
    return -1;
  if (at <= now_ms)
    return 0;
  return at - now_ms > 3600000 ? 3600000 : (int)(at - now_ms);
}

static void serve_sockets (Engine *e, int ready) {
  size_t i, n = pollset_fired(&e->pollset, ready);
  for (i = 0; i < n; i++) {
    const PollsetEvent *w = &e->pollset.fired[i];
    pool_socket(w->owner, w->fd, w->revents);
  }
}

static void tick (Engine *e, int64_t now_ms) {
  Pool *p;
  for (p = e->pools; p != NULL; p = p->next)
    pool_tick(p, now_ms);
}

static int start_some (Engine *e, int64_t now_ms) {
  int left = STARTS_PER_TURN;
  Pool *p;
  for (p = e->pools; p != NULL && left > 0; p = p->next)
    left -= pool_start(p, left, now_ms);
  return left < STARTS_PER_TURN;
}

int engine_turn (Engine *e, int most_ms) {
  int64_t now_ms;
  int n, wait;
  if (!engine_take_orders(e))
    return 0;
  now_ms = clock_ms();
  tick(e, now_ms);
  if (start_some(e, now_ms))
    tick(e, now_ms); /* libcurl has to be called at once after a start */
  if (!e->running && e->finished != NULL)
    return 1; /* the caller waits for this; no lock, as it is Lua's thread */
  wait = poll_timeout(e, clock_ms());
  if (most_ms >= 0 && (wait < 0 || wait > most_ms))
    wait = most_ms;
  n = poll(e->pollset.fds, (nfds_t)e->pollset.len, wait);
  if (n < 0)
    return errno == EINTR ? -1 : 1;
  if (n > 0 && e->pollset.fds[0].revents != 0) {
    wakeup_clear(&e->to_thread);
    n--;
  }
  if (n > 0)
    serve_sockets(e, n);
  return 1;
}

void engine_end_pools (Engine *e) {
  Pool *p;
  while ((p = e->pools) != NULL) { /* Lua's handles still point to them */
    e->pools = p->next;
    pool_teardown(p);
  }
}
