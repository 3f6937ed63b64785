#include "base/compat.h"

#include "engine.h"
#include "pollset.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A new connection costs about 30 us; more starts in one turn would keep the
** answers of the others waiting. */
#define STARTS_PER_TURN 16

struct Engine {
  pthread_t thread;
  int running; /* there is a thread; only written while there is none */
  int stopped;
  Engine *next_running; /* (running_lock) */
  unsigned process;     /* the value of `forks` in the process that made it */
  int refs;             /* Lua's handles; Lua's thread only */
  uint64_t last_id;
  Wakeup to_thread, to_lua;

  pthread_mutex_t lock; /* guards what follows, and the (lock) fields */
  int stopping;
  Transfer *inbox, *inbox_last;
  Transfer *cancels;
  Pool *pool_inbox; /* new ones and closing ones */
  Transfer *finished, *finished_last;

  /* the thread's own */
  Pool *pools;
  Pollset pollset; /* slot 0 is the wake descriptor */
};

int64_t engine_now_ms (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Without a thread there is nobody to keep out, and a call makes fourteen of
** these. That there is one changes only while none runs. */
static void lock (Engine *e) {
  if (e->running)
    pthread_mutex_lock(&e->lock);
}

static void unlock (Engine *e) {
  if (e->running)
    pthread_mutex_unlock(&e->lock);
}

/* {=================================================================
** Finished transfers and references. All of these hold the lock.
** ================================================================== */

static void unref (Transfer *t) {
  if (--t->refs == 0)
    transfer_free(t);
}

static void append_finished (Engine *e, Transfer *t) {
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

static void disown (Transfer *t) {
  if (t->prev_owned != NULL)
    t->prev_owned->next_owned = t->next_owned;
  else if (t->pool->owned == t)
    t->pool->owned = t->next_owned;
  if (t->next_owned != NULL)
    t->next_owned->prev_owned = t->prev_owned;
  t->prev_owned = t->next_owned = NULL;
}

/* }================================================================= */

/* {=================================================================
** The thread
** ================================================================== */

void engine_finish (Engine *e, Transfer *t) {
  lock(e);
  disown(t);
  if (t->state != TRANSFER_DONE) {
    t->state = TRANSFER_DONE;
    append_finished(e, t);
  }
  unref(t);
  unlock(e);
}

Transfer *engine_owned (Engine *e, Pool *p, int active) {
  Transfer *t;
  lock(e);
  for (t = p->owned; t != NULL && active && t->easy == NULL;)
    t = t->next_owned;
  unlock(e);
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

/* Takes what Lua's thread has handed over. Returns 0 when it is to end. */
static int take_orders (Engine *e) {
  Transfer *inbox, *cancels, *t;
  Pool *closing = NULL, *p;
  int stopping;
  lock(e);
  stopping = e->stopping;
  inbox = e->inbox;
  cancels = e->cancels;
  e->inbox = e->inbox_last = e->cancels = NULL;
  while ((p = e->pool_inbox) != NULL) {
    e->pool_inbox = p->next_inbox;
    p->in_inbox = 0;
    if (p->closing) { /* Lua has let go of it, the link is ours */
      p->next_inbox = closing;
      closing = p;
    } else {
      p->next = e->pools;
      e->pools = p;
    }
  }
  unlock(e);
  while ((t = inbox) != NULL) {
    inbox = t->next_inbox;
    if (pool_enqueue(t->pool, t) != 0) {
      t->code = CURLE_OUT_OF_MEMORY;
      engine_finish(e, t);
    }
  }
  while ((t = cancels) != NULL) {
    cancels = t->next_cancel;
    pool_cancel(t->pool, t);
    lock(e);
    unref(t);
    unlock(e);
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

/* One turn: everything that can be done now, then a wait of most_ms at most
** (-1: any time). Returns 0 when the engine is to end, -1 after a signal. */
static int turn (Engine *e, int most_ms) {
  int64_t now_ms;
  int n, wait;
  if (!take_orders(e))
    return 0;
  now_ms = engine_now_ms();
  tick(e, now_ms);
  if (start_some(e, now_ms))
    tick(e, now_ms); /* libcurl wants its first call at once */
  if (!e->running && e->finished != NULL)
    return 1; /* on Lua's thread, so no lock: it is what the caller waits for */
  wait = poll_timeout(e, engine_now_ms());
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

static void *run (void *arg) {
  Engine *e = arg;
  while (turn(e, -1))
    ;
  return NULL;
}

/* }================================================================= */

/* {=================================================================
** Lua's thread
** ================================================================== */

/* Counts the forks between the first process and this one: getpid would cost
** a system call wherever a handle is used. */
static volatile unsigned forks = 0;

/* The engines with a thread. */
static pthread_mutex_t running_lock = PTHREAD_MUTEX_INITIALIZER;
static Engine *all_running = NULL;

static pthread_mutex_t init_lock = PTHREAD_MUTEX_INITIALIZER;

static void in_child (void) {
  forks++;
  all_running = NULL; /* the parent's; a child has one thread */
  pthread_mutex_init(&running_lock, NULL);
  pthread_mutex_init(&init_lock, NULL);
}

/* Ends the engine's thread. Holds running_lock. */
static void halt (Engine *e) {
  Engine **link = &all_running;
  while (*link != NULL && *link != e)
    link = &(*link)->next_running;
  if (*link == NULL)
    return;
  *link = e->next_running;
  lock(e);
  e->stopping = 1;
  unlock(e);
  wakeup_signal(&e->to_thread);
  pthread_join(e->thread, NULL);
}

/* A host may exit without lua_close. The library under libcurl then frees what
** it shares between threads, which none of ours may be using. */
static void at_exit (void) {
  pthread_mutex_lock(&running_lock);
  while (all_running != NULL)
    halt(all_running);
  pthread_mutex_unlock(&running_lock);
}

/* Once in a process, and what failed once more by the next engine. It is never
** undone: others in the process may use libcurl. */
static CURLcode init_process (void) {
  static int forking, exiting;
  static CURLcode libcurl = CURLE_FAILED_INIT;
  CURLcode c;
  pthread_mutex_lock(&init_lock);
  if (libcurl != CURLE_OK)
    libcurl = curl_global_init(CURL_GLOBAL_DEFAULT);
  forking = forking || pthread_atfork(NULL, NULL, in_child) == 0;
  exiting = exiting || atexit(at_exit) == 0;
  c = forking && exiting ? libcurl : CURLE_OUT_OF_MEMORY;
  pthread_mutex_unlock(&init_lock);
  return c;
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
  CURLcode c = init_process();
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
  e->process = forks;
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
  return !e->stopped && e->process == forks;
}

void engine_retain (Engine *e) {
  e->refs++;
}

void engine_release (Engine *e) {
  if (--e->refs > 0 || e->process != forks)
    return;
  free_engine(e);
}

/* Every signal stays with the host's own threads; SIGPIPE too, which a write
** to a closed connection would otherwise raise in this one. */
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
  lock(e);
  if (e->finished != NULL) /* from before */
    wakeup_signal(&e->to_lua);
  unlock(e);
  return 0;
}

int engine_fd (const Engine *e) {
  return e->to_lua.reader;
}

void engine_set_wakeup (Engine *e, int fd) {
  lock(e);
  wakeup_close(&e->to_lua);
  e->to_lua.writer = fd;
  if (e->finished != NULL && e->running)
    wakeup_signal(&e->to_lua);
  unlock(e);
}

static int wait_for_thread (Engine *e, int most_ms) {
  struct pollfd p;
  if (e->to_lua.reader < 0) /* somebody else waits */
    return engine_peek(e) != NULL;
  p.fd = e->to_lua.reader;
  p.events = POLLIN;
  p.revents = 0;
  return poll(&p, 1, most_ms) > 0;
}

int engine_wait (Engine *e, int most_ms) {
  int64_t until = most_ms > 0 ? engine_now_ms() + most_ms : 0;
  int left_ms = most_ms;
  if (!engine_usable(e))
    return 1;
  if (e->running)
    return wait_for_thread(e, most_ms);
  while (engine_peek(e) == NULL) {
    if (turn(e, left_ms) < 0)
      break; /* a signal: Lua has to see it */
    if (most_ms >= 0) {
      int64_t left = until - engine_now_ms();
      if (left <= 0)
        break;
      left_ms = (int)left;
    }
  }
  return engine_peek(e) != NULL;
}

int engine_await (Engine *e, Transfer *t) {
  int done;
  if (!engine_done(e, t) && !engine_wait(e, -1))
    return 0;
  if (engine_peek(e) == t)
    engine_take(e); /* the Lua handle has a reference of its own */
  lock(e);
  done = t->state == TRANSFER_DONE && e->finished == NULL;
  unlock(e);
  return done;
}

static void end_pools (Engine *e) {
  Pool *p;
  while ((p = e->pools) != NULL) { /* Lua's handles still point to them */
    e->pools = p->next;
    pool_teardown(p);
  }
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
    take_orders(e);
  }
  end_pools(e);
  e->stopped = 1;
  for (t = e->finished; t != NULL; t = next) {
    next = t->next_finished;
    unref(t);
  }
  e->finished = e->finished_last = NULL;
}

Pool *engine_pool (Engine *e) {
  Pool *p = calloc(1, sizeof(Pool));
  if (p == NULL)
    return NULL;
  p->engine = e;
  p->timer_ms = p->expires_ms = -1;
  lock(e);
  p->in_inbox = 1;
  p->next_inbox = e->pool_inbox;
  e->pool_inbox = p;
  unlock(e);
  return p;
}

static void wake_thread (const Engine *e) {
  if (e->running)
    wakeup_signal(&e->to_thread);
}

/* Holds the lock. What Lua sees of a cancelled transfer is final at once. */
static void mark_cancelled (Engine *e, Transfer *t) {
  t->cancelled = 1;
  t->state = TRANSFER_DONE;
  append_finished(e, t);
}

static void order_cancel (Engine *e, Transfer *t) {
  t->refs++;
  t->next_cancel = e->cancels;
  e->cancels = t;
  wake_thread(e);
}

void engine_close_pool (Engine *e, Pool *p) {
  Transfer *t;
  if (e->process != forks)
    return;         /* the parent's */
  if (e->stopped) { /* torn down already, only the memory is left */
    free(p);
    return;
  }
  lock(e);
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
  unlock(e);
  if (e->running)
    wake_thread(e);
  else
    take_orders(e);
}

int engine_start (Engine *e, Pool *p, Transfer *t, const char **why) {
  int first;
  if (!HAVE_CURL_NO_SIGPIPE && engine_run(e, why) != 0)
    return -1;
  lock(e);
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
  unlock(e);
  if (first)
    wake_thread(e);
  return 0;
}

void engine_cancel (Engine *e, Transfer *t) {
  if (!engine_usable(e))
    return;
  lock(e);
  if (t->state == TRANSFER_QUEUED) {
    mark_cancelled(e, t);
    order_cancel(e, t);
  }
  unlock(e);
}

int engine_done (Engine *e, Transfer *t) {
  int done;
  lock(e);
  done = t->state == TRANSFER_DONE;
  unlock(e);
  return done;
}

void engine_drop (Engine *e, Transfer *t) {
  if (e->process != forks)
    return;
  lock(e);
  if (t->state == TRANSFER_QUEUED) { /* nobody is left to collect it */
    t->cancelled = 1;
    t->state = TRANSFER_DONE;
    order_cancel(e, t);
  }
  unref(t);
  unlock(e);
}

Transfer *engine_peek (Engine *e) {
  Transfer *t;
  lock(e);
  t = e->finished;
  unlock(e);
  return t;
}

void engine_take (Engine *e) {
  Transfer *t;
  lock(e);
  t = e->finished;
  e->finished = t->next_finished;
  if (e->finished == NULL) {
    e->finished_last = NULL;
    if (e->running)
      wakeup_clear(&e->to_lua); /* under the lock: readable means not empty */
  }
  unref(t);
  unlock(e);
}

/* }================================================================= */
