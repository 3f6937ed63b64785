/*
** engine_state.h - the inside of an engine, for the files that are the engine:
** engine.c (its life, and waiting for it), engine_orders.c (what Lua's thread
** hands over and takes back), engine_turn.c (what is done on its thread).
*/
#ifndef POSTHOG_LLM_NET_ENGINE_STATE_H
#define POSTHOG_LLM_NET_ENGINE_STATE_H

#include "engine.h"
#include "pollset.h"
#include "process.h"
#include "wakeup.h"

#include <pthread.h>

#pragma GCC visibility push(hidden)

struct Engine {
  pthread_t thread;
  int running; /* there is a thread; only written while there is none */
  int stopped;
  Engine *next_running; /* (running_lock) */
  unsigned process;     /* process_forks in the process that made it */
  int refs;             /* Lua's handles; Lua's thread only */
  uint64_t last_id;
  Wakeup to_thread, to_lua;

  pthread_mutex_t lock; /* guards what follows, and the (lock) fields */
  int stopping;
  Transfer *inbox, *inbox_last;
  Transfer *cancels;
  Pool *pool_inbox; /* new ones and closing ones */
  Transfer *finished, *finished_last;
  size_t unread; /* bytes of finished responses that are still held */

  /* the thread's own */
  Pool *pools;
  Pollset pollset; /* slot 0 is that of to_thread */
};

/* Without a thread there is nobody to keep out, and a call makes fourteen of
** these. That there is one changes only while none runs. */
static inline void engine_lock (Engine *e) {
  if (e->running)
    pthread_mutex_lock(&e->lock);
}

static inline void engine_unlock (Engine *e) {
  if (e->running)
    pthread_mutex_unlock(&e->lock);
}

/* A child after a fork must not touch the parent's engine. */
static inline int engine_of_this_process (const Engine *e) {
  return e->process == process_forks;
}

/* {=================================================================
** Finished transfers and references. Both hold the lock.
** ================================================================== */

static inline void engine_unref (Engine *e, Transfer *t) {
  if (--t->refs == 0) {
    e->unread -= t->unread;
    transfer_free(t);
  }
}

static inline void engine_append_finished (Engine *e, Transfer *t) {
  t->refs++;
  t->next_finished = NULL;
  if (e->finished != NULL)
    e->finished_last->next_finished = t;
  else
    e->finished = t;
  e->finished_last = t;
  if (e->finished == t && e->running)
    wakeup_signal(&e->to_lua);
}

/* }================================================================= */

/* One turn: everything that can be done now, then a wait of most_ms at most
** (-1: any time). Returns 0 when the engine is to end, -1 after a signal. */
int engine_turn (Engine *e, int most_ms);

/* Takes what Lua's thread has handed over. Returns 0 when it is to end. */
int engine_take_orders (Engine *e);

/* Ends all transfers. The pools stay: Lua's handles still point to them. */
void engine_end_pools (Engine *e);

#pragma GCC visibility pop

#endif
