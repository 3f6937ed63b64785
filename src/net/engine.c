/*
** engine.c - creation, start and end of an engine, and waiting for it. All on
** Lua's thread, except `run`, the engine's own thread. An engine is owned by
** its references, Lua's handles; the list of running engines is global.
*/
#include "base/clock.h"

#include "engine_state.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* The engines with a thread. */
static pthread_mutex_t running_lock = PTHREAD_MUTEX_INITIALIZER;
static Engine *all_running = NULL;

static void in_child (void) {
  all_running = NULL; /* they are the parent's; a child has one thread */
  pthread_mutex_init(&running_lock, NULL);
}

static void *run (void *arg) {
  Engine *e = arg;
  while (engine_turn(e, -1))
    ;
  return NULL;
}

/* Ends the engine's thread. Holds running_lock. */
static void halt (Engine *e) {
  Engine **link = &all_running;
  while (*link != NULL && *link != e)
    link = &(*link)->next_running;
  if (*link == NULL)
    return;
  *link = e->next_running;
  engine_lock(e);
  e->stopping = 1;
  engine_unlock(e);
  wakeup_signal(&e->to_thread);
  pthread_join(e->thread, NULL);
}

/* A host may exit without lua_close. Then the TLS library frees its global
** state, which no thread of ours may be using. */
static void at_exit (void) {
  pthread_mutex_lock(&running_lock);
  while (all_running != NULL)
    halt(all_running);
  pthread_mutex_unlock(&running_lock);
}

static void free_engine (Engine *e) {
  wakeup_close(&e->to_thread);
  wakeup_close(&e->to_lua);
  pthread_mutex_destroy(&e->lock);
  pollset_free(&e->pollset);
  free(e);
}

Engine *engine_new (const char **why) {
  Engine *e;
  CURLcode c = process_init(in_child, at_exit);
  if (c != CURLE_OK) {
    *why = curl_easy_strerror(c);
    return NULL;
  }
  e = calloc(1, sizeof(Engine));
  if (e == NULL) {
    *why = "not enough memory";
    return NULL;
  }
  e->refs = 1;
  e->process = process_forks;
  e->to_thread.reader = e->to_thread.writer = -1;
  e->to_lua.reader = e->to_lua.writer = -1;
  pthread_mutex_init(&e->lock, NULL);
  if (wakeup_open(&e->to_thread) != 0 || wakeup_open(&e->to_lua) != 0 ||
      pollset_set(&e->pollset, e->to_thread.reader, POLLIN, NULL) != 0) {
    *why = errno == EMFILE ? "too many open files" : "not enough memory";
    free_engine(e);
    return NULL;
  }
  return e;
}

int engine_usable (const Engine *e) {
  return !e->stopped && engine_of_this_process(e);
}

void engine_retain (Engine *e) {
  e->refs++;
}

void engine_release (Engine *e) {
  if (--e->refs > 0 || !engine_of_this_process(e))
    return;
  free_engine(e);
}

/* The engine's thread blocks all signals, so that the host's threads get them.
** That includes SIGPIPE, which a write to a closed connection may raise. */
int engine_run (Engine *e, const char **why) {
  sigset_t all, before;
  int failed;
  if (e->running)
    return 0;
  e->running = 1;
  sigfillset(&all);
  pthread_mutex_lock(&running_lock);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  failed = pthread_create(&e->thread, NULL, run, e);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (!failed) {
    e->next_running = all_running;
    all_running = e;
  }
  pthread_mutex_unlock(&running_lock);
  if (failed) {
    e->running = 0;
    *why = "cannot start a thread";
    return -1;
  }
  engine_lock(e);
  if (e->finished != NULL) /* from before the thread started */
    wakeup_signal(&e->to_lua);
  engine_unlock(e);
  return 0;
}

int engine_fd (const Engine *e) {
  return e->to_lua.reader;
}

void engine_set_wakeup (Engine *e, int fd) {
  engine_lock(e);
  wakeup_close(&e->to_lua);
  e->to_lua.writer = fd;
  if (e->finished != NULL && e->running)
    wakeup_signal(&e->to_lua);
  engine_unlock(e);
}

static int wait_for_thread (Engine *e, int most_ms) {
  struct pollfd p;
  if (e->to_lua.reader < 0) /* the host waits on its own descriptor */
    return engine_peek(e) != NULL;
  p.fd = e->to_lua.reader;
  p.events = POLLIN;
  p.revents = 0;
  return poll(&p, 1, most_ms) > 0;
}

int engine_wait (Engine *e, int most_ms) {
  int64_t until = most_ms > 0 ? clock_ms() + most_ms : 0;
  int left_ms = most_ms;
  if (!engine_usable(e))
    return 1;
  if (e->running)
    return wait_for_thread(e, most_ms);
  while (engine_peek(e) == NULL) {
    if (engine_turn(e, left_ms) < 0)
      break; /* a signal, which Lua has to handle */
    if (most_ms >= 0) {
      int64_t left = until - clock_ms();
      if (left <= 0)
        break;
      left_ms = (int)left;
    }
  }
  return engine_peek(e) != NULL;
}

int engine_await (Engine *e, Transfer *t) {
  if (!engine_ready(e, t) && !engine_wait(e, -1))
    return 0;
  if (engine_peek(e) == t)
    engine_take(e); /* the Lua handle has its own reference */
  return engine_ready(e, t) && engine_peek(e) == NULL;
}

void engine_stop (Engine *e) {
  Transfer *t, *next;
  if (!engine_usable(e))
    return;
  if (e->running) {
    pthread_mutex_lock(&running_lock);
    halt(e);
    pthread_mutex_unlock(&running_lock);
    e->running = 0;
  } else {
    engine_take_orders(e);
  }
  engine_end_pools(e);
  e->stopped = 1;
  for (t = e->finished; t != NULL; t = next) {
    next = t->next_finished;
    engine_unref(e, t);
  }
  e->finished = e->finished_last = NULL;
}
