/*
** engine_orders.c - what Lua's thread submits to the engine and collects from
** it, under the lock: transfers, cancellations, pools, finished transfers. The
** engine owns a transfer from engine_start until it is in the list of finished
** ones.
*/
#include "engine_state.h"

#include <stdlib.h>

Pool *engine_pool (Engine *e) {
  Pool *p = calloc(1, sizeof(Pool));
  if (p == NULL)
    return NULL;
  p->engine = e;
  p->timer_ms = p->expires_ms = p->overdue_ms = -1;
  engine_lock(e);
  p->in_inbox = 1;
  p->next_inbox = e->pool_inbox;
  e->pool_inbox = p;
  engine_unlock(e);
  return p;
}

static void wake_thread (const Engine *e) {
  if (e->running)
    wakeup_signal(&e->to_thread);
}

/* The caller has the lock. Lua's view of a cancelled transfer is final at once.
 */
static void mark_cancelled (Engine *e, Transfer *t) {
  t->cancelled = 1;
  t->state = TRANSFER_DONE;
  engine_append_finished(e, t);
}

static void order_cancel (Engine *e, Transfer *t) {
  t->refs++;
  t->next_cancel = e->cancels;
  e->cancels = t;
  wake_thread(e);
}

void engine_close_pool (Engine *e, Pool *p) {
  Transfer *t;
  if (!engine_of_this_process(e))
    return;         /* the pool is the parent's */
  if (e->stopped) { /* torn down already: only free the memory */
    free(p);
    return;
  }
  engine_lock(e);
  p->closing = 1;
  for (t = p->owned; t != NULL; t = t->next_owned) {
    if (t->state != TRANSFER_DONE)
      mark_cancelled(e, t);
  }
  if (!p->in_inbox) {
    p->in_inbox = 1;
    p->next_inbox = e->pool_inbox;
    e->pool_inbox = p;
  }
  engine_unlock(e);
  if (e->running)
    wake_thread(e);
  else
    engine_take_orders(e);
}

int engine_start (Engine *e, Pool *p, Transfer *t, const char **why) {
  int first;
  if (!HAVE_CURL_NO_SIGPIPE && engine_run(e, why) != 0)
    return -1;
  engine_lock(e);
  t->id = ++e->last_id;
  t->pool = p;
  t->refs++;
  t->state = TRANSFER_QUEUED;
  t->prev_owned = NULL;
  t->next_owned = p->owned;
  if (p->owned != NULL)
    p->owned->prev_owned = t;
  p->owned = t;
  t->next_inbox = NULL;
  first = e->inbox == NULL;
  if (first)
    e->inbox = t;
  else
    e->inbox_last->next_inbox = t;
  e->inbox_last = t;
  engine_unlock(e);
  if (first)
    wake_thread(e);
  return 0;
}

void engine_cancel (Engine *e, Transfer *t) {
  if (!engine_usable(e))
    return;
  engine_lock(e);
  if (t->state == TRANSFER_QUEUED) {
    mark_cancelled(e, t);
    order_cancel(e, t);
  }
  engine_unlock(e);
}

int engine_done (Engine *e, Transfer *t) {
  int done;
  engine_lock(e);
  done = t->state == TRANSFER_DONE;
  engine_unlock(e);
  return done;
}

int engine_ready (Engine *e, Transfer *t) {
  int ready;
  engine_lock(e);
  ready = t->state == TRANSFER_DONE || (t->streaming && t->response.len > 0);
  engine_unlock(e);
  return ready;
}

void engine_drop (Engine *e, Transfer *t) {
  if (!engine_of_this_process(e))
    return;
  engine_lock(e);
  if (t->state == TRANSFER_QUEUED) { /* nothing will collect it */
    t->cancelled = 1;
    t->state = TRANSFER_DONE;
    order_cancel(e, t);
  }
  engine_unref(e, t);
  engine_unlock(e);
}

int engine_reset (Engine *e, Transfer *t) {
  int alone;
  engine_lock(e);
  alone = t->refs == 1;
  if (alone)
    e->unread -= t->unread;
  engine_unlock(e);
  if (alone)
    transfer_reset(t);
  return alone;
}

/* In a child after a fork the lock may be held by a thread that is not there.
 */
void engine_free_body (Engine *e, Transfer *t) {
  buffer_free(&t->response);
  if (!engine_of_this_process(e))
    return;
  engine_lock(e);
  e->unread -= t->unread;
  t->unread = 0;
  engine_unlock(e);
}

size_t engine_unread (Engine *e) {
  size_t bytes;
  engine_lock(e);
  bytes = e->unread;
  engine_unlock(e);
  return bytes;
}

Transfer *engine_peek (Engine *e) {
  Transfer *t;
  engine_lock(e);
  t = e->finished;
  engine_unlock(e);
  return t;
}

void engine_unlist (Engine *e, Transfer *t) {
  Transfer *before = NULL, *at = e->finished;
  if (!t->listed)
    return;
  for (; at != t; at = at->next_finished)
    before = at;
  if (before != NULL)
    before->next_finished = t->next_finished;
  else
    e->finished = t->next_finished;
  if (e->finished_last == t)
    e->finished_last = before;
  if (e->finished == NULL && e->running)
    wakeup_clear(&e->to_lua); /* under the lock: readable means not empty */
  t->listed = 0;
  engine_unref(e, t);
}

void engine_take (Engine *e) {
  engine_lock(e);
  engine_unlist(e, e->finished);
  engine_unlock(e);
}
