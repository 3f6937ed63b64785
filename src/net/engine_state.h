/*
** engine_state.h - the fields of an engine, for the files that implement it:
** engine.c (start, end, waiting), engine_orders.c (what Lua's thread submits
** and collects), engine_turn.c (the work on the engine's thread).
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
  int running; /* whether there is a thread; written only while there is none */
  int stopped;
  Engine *next_running; /* (running_lock) */
  unsigned process;     /* value of process_forks when it was made */
  int refs;             /* of Lua's handles; only for Lua's thread */
  uint64_t last_id;
  Wakeup to_thread, to_lua;

  pthread_mutex_t lock; /* for the fields below, and those marked (lock) */
  int stopping;
  Transfer *inbox, *inbox_last;
  Transfer *cancels;
  Transfer *wanted; /* streams of which Lua wants more */
  Pool *pool_inbox; /* new and closing pools */
  Transfer *finished, *finished_last;
  size_t unread; /* bytes of finished responses that are still held */

  /* only for the engine's thread */
  Pool *pools;
  Pollset pollset; /* slot 0 is that of to_thread */
};

/* Without a thread no lock is needed, and a call would lock fourteen times.
** `running` changes only while there is no thread. */
static inline void engine_lock (Engine *e) {
  if (e->running)
    pthread_mutex_lock(&e->lock);
}

static inline void engine_unlock (Engine *e) {
  if (e->running)
    pthread_mutex_unlock(&e->lock);
}

/* After a fork a child must not use the parent's engine. */
static inline int engine_of_this_process (const Engine *e) {
  return e->process == process_forks;
}

/* {=================================================================
** Finished transfers and references. The caller has the lock.
** ================================================================== */

static inline void engine_unref (Engine *e, Transfer *t) {
  if (--t->refs == 0) {
    e->unread -= t->unread;
    transfer_free(t);
  }
}

static inline void engine_append_finished (Engine *e, Transfer *t) {
  if (t->listed) /* a stream with data that Lua has not taken */
    return;
  t->listed = 1;
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

/* Removes t from the list of finished transfers, if it is there. */
void engine_unlist (Engine *e, Transfer *t);

/* }================================================================= */

/* One turn: does everything that can be done now, then waits at most most_ms
** (-1: without limit). Returns 0 when the engine has to end, -1 after a signal.
*/
int engine_turn (Engine *e, int most_ms);

/* Takes what Lua's thread has submitted. Returns 0 when the engine has to end.
 */
int engine_take_orders (Engine *e);

/* Ends all transfers. The pools are kept: Lua's handles still point to them. */
void engine_end_pools (Engine *e);

#pragma GCC visibility pop

#endif
