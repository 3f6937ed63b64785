/*
** pool.c - a multi handle and the queues for it. The engine owns it and frees
** it when Lua's handle is closed. Used only by the engine's thread.
*/
#include "base/clock.h"

#include "pool.h"

#include "engine.h"
#include "engine_stream.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long libcurl may be late with a timeout: it starts counting a little
** later than the pool, and its error says better what the transfer was
** waiting for. */
#define LATE_MS 100

/* {=================================================================
** libcurl's callbacks
** ================================================================== */

static int on_socket (CURL *easy, curl_socket_t fd, int what, void *arg,
                      void *unused) {
  Pool *p = arg;
  short events = 0;
  (void)easy;
  (void)unused;
  if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
    events |= POLLIN;
  if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
    events |= POLLOUT;
  return engine_watch(p->engine, p, (int)fd, events);
}

static int on_timer (CURLM *multi, long timeout_ms, void *arg) {
  Pool *p = arg;
  (void)multi;
  p->timer_ms = timeout_ms > 0 ? clock_ms() + timeout_ms : timeout_ms;
  return 0;
}

/* The queues must not check a socket that libcurl has closed: its number may
** belong to something else by then. */
static int on_close (void *arg, curl_socket_t fd) {
  const Pool *p = arg;
  OriginQueue *queue;
  for (queue = p->queues; queue != NULL; queue = queue->next)
    idle_forget(&queue->idle, fd);
  return close(fd);
}

/* }================================================================= */

static int open_multi (Pool *p) {
  CURLM *m;
  if (p->multi != NULL)
    return 0;
  m = curl_multi_init();
  if (m == NULL)
    return -1;
  p->timer_ms = -1;
  if (curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
      curl_multi_setopt(m, CURLMOPT_SOCKETDATA, p) != CURLM_OK ||
      curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, on_timer) != CURLM_OK ||
      curl_multi_setopt(m, CURLMOPT_TIMERDATA, p) != CURLM_OK) {
    curl_multi_cleanup(m);
    return -1;
  }
  p->connections = p->allowed = 0;
  p->multi = m;
  return 0;
}

/* {=================================================================
** Easy handles. Reusing one saves 2 us, so a few are kept. Not kept are: one
** that uses libcurl's own CA settings, since those cannot be restored; one that
** sent its request again, since libcurl counts that for the life of the handle
** and fails after five times; and one with CURLOPT_FRESH_CONNECT, as for a
** stream.
** ================================================================== */

static int reusable (const Transfer *t) {
  return t->config->ca_file != NULL || strncmp(t->url, "https", 5) != 0;
}

static size_t deliver (Transfer *t, const char *bytes, size_t len) {
  return stream_deliver(t->pool->engine, t, bytes, len);
}

static Easy *new_easy (Pool *p) {
  Easy *y = easy_new();
  if (y != NULL)
    y->deliver = deliver;
  if (y != NULL &&
      (curl_easy_setopt(y->curl, CURLOPT_CLOSESOCKETFUNCTION, on_close) !=
           CURLE_OK ||
       curl_easy_setopt(y->curl, CURLOPT_CLOSESOCKETDATA, p) != CURLE_OK)) {
    easy_free(y);
    y = NULL;
  }
  return y;
}

/* Takes the last spare with the same config, else the last one. */
static Easy *take_spare (Pool *p, const RequestConfig *config) {
  int last = --p->spares, i = last;
  Easy *found;
  while (i > 0 && p->spare[i]->config != config)
    i--;
  if (p->spare[i]->config != config)
    i = last;
  found = p->spare[i];
  p->spare[i] = p->spare[last];
  return found;
}

/* An easy handle with the request of t, or NULL and *code. */
static Easy *take_easy (Pool *p, Transfer *t, int64_t now_ms, CURLcode *code) {
  Easy *y =
      p->spares > 0 && reusable(t) ? take_spare(p, t->config) : new_easy(p);
  *code = y != NULL ? easy_take(y, t, now_ms) : CURLE_OUT_OF_MEMORY;
  if (*code == CURLE_OK)
    return y;
  easy_free(y);
  return NULL;
}

static void give_easy (Pool *p, const Transfer *t, Easy *y) {
  easy_drop(y);
  if (p->spares < (int)(sizeof(p->spare) / sizeof(p->spare[0])) &&
      reusable(t) && t->requests_begun < 2 && !t->fresh && !t->stream)
    p->spare[p->spares++] = y;
  else
    easy_free(y);
}

/* }================================================================= */

static void unqueue (Pool *p, Transfer *before, Transfer *t) {
  origin_queue_remove(t->queue, before, t);
  p->waiting--;
}

static void finish (Pool *p, Transfer *t, CURLcode code) {
  t->code = code;
  t->queue = NULL;
  transfer_drop_request(t);
  /* A failure has no body, but Lua still reads what arrived of a stream. */
  if (code != CURLE_OK && (!t->streaming || code == CURLE_ABORTED_BY_CALLBACK))
    buffer_free(&t->response);
  engine_finish(p->engine, t);
}

/* Streams do not count: they last as long as Lua reads. */
static void count_active (Pool *p, const Transfer *t, int change) {
  if (t->stream)
    p->streams += change;
  else
    t->queue->active += change;
}

/* Removes an active transfer from the multi handle. */
static void detach (Pool *p, Transfer *t) {
  Easy *y = t->easy;
  count_active(p, t, -1);
  curl_multi_remove_handle(p->multi, y->curl);
  give_easy(p, t, y);
}

/*
** A multi handle that has returned an error is unusable. Its transfers end with
** an error, and the next start makes a new handle.
*/
static void broken (Pool *p) {
  CURLM *multi = p->multi;
  OriginQueue *queue;
  Transfer *t;
  while ((t = engine_owned(p->engine, p, 1)) != NULL) {
    easy_harvest(t->easy);
    detach(p, t);
    finish(p, t, CURLE_OUT_OF_MEMORY);
  }
  for (queue = p->queues; queue != NULL; queue = queue->next)
    queue->multiplexed = 0;
  p->multi = NULL;
  p->timer_ms = -1;
  curl_multi_cleanup(multi);
}

int pool_enqueue (Pool *p, Transfer *t) {
  OriginQueue *queue = origin_queue_for(&p->queues, t->url);
  if (queue == NULL)
    return -1;
  t->queue = queue;
  origin_queue_append(queue, t);
  p->waiting++;
  if (t->expires_ms != 0 &&
      (p->expires_ms < 0 || t->expires_ms < p->expires_ms))
    p->expires_ms = t->expires_ms;
  return 0;
}

static void allow_connections (Pool *p, int most) {
  if (most > p->connections)
    p->connections = most;
  if (p->connections + p->streams <= p->allowed)
    return;
  p->allowed = p->connections + p->streams;
  curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, p->allowed);
  /* Over HTTP/1.1 the queues keep to this limit; over HTTP/2 libcurl opens more
  ** connections when the streams of the first are used up. */
  curl_multi_setopt(p->multi, CURLMOPT_MAX_HOST_CONNECTIONS, p->allowed);
}

static void note_overdue (Pool *p, Transfer *t, int64_t at_ms) {
  t->overdue_ms = at_ms;
  if (p->overdue_ms < 0 || at_ms < p->overdue_ms)
    p->overdue_ms = at_ms;
}

/* Sets when t, which was started just now, is overdue. */
static void note_end (Pool *p, Transfer *t, int64_t now_ms) {
  if (t->left_ms != 0)
    note_overdue(p, t, now_ms + t->left_ms + (t->stream ? 0 : LATE_MS));
}

static void start_one (Pool *p, Transfer *t, int64_t now_ms) {
  CURLcode code = CURLE_OUT_OF_MEMORY;
  Easy *y = NULL;
  if (open_multi(p) == 0)
    y = take_easy(p, t, now_ms, &code);
  if (y != NULL) {
    count_active(p, t, 1);
    allow_connections(p, t->config->max_connections);
    t->idle = t->queue->multiplexed || t->stream ? NULL : &t->queue->idle;
    if (curl_multi_add_handle(p->multi, y->curl) == CURLM_OK) {
      note_end(p, t, now_ms);
      return;
    }
    count_active(p, t, -1);
    easy_drop(y);
    easy_free(y);
    code = CURLE_FAILED_INIT;
  }
  finish(p, t, code);
}

static int startable (const Pool *p) {
  const OriginQueue *queue;
  if (p->waiting == 0)
    return 0;
  for (queue = p->queues; queue != NULL; queue = queue->next) {
    if (queue->first != NULL && origin_queue_has_room(queue))
      return 1;
  }
  return 0;
}

int pool_start (Pool *p, int most, int64_t now_ms) {
  OriginQueue *queue;
  int started = 0;
  if (p->waiting == 0)
    return 0;
  for (queue = p->queues; queue != NULL; queue = queue->next) {
    while (started < most && queue->first != NULL &&
           origin_queue_has_room(queue)) {
      Transfer *t = queue->first;
      unqueue(p, NULL, t);
      start_one(p, t, now_ms);
      started++;
    }
  }
  return started;
}

void pool_cancel (Pool *p, Transfer *t) {
  OriginQueue *queue = t->queue;
  Transfer *before = NULL, *w;
  if (queue == NULL)
    return; /* it has ended in the meantime */
  if (t->easy != NULL) {
    detach(p, t);
  } else {
    for (w = queue->first; w != NULL && w != t; w = w->next_waiting)
      before = w;
    if (w != NULL)
      unqueue(p, before, w);
  }
  finish(p, t, CURLE_ABORTED_BY_CALLBACK);
}

void pool_resume (Pool *p, Transfer *t, int64_t now_ms) {
  CURLcode code = CURLE_OK;
  if (t->easy == NULL)
    return; /* it has ended in the meantime */
  if (t->timeout_ms != 0)
    note_overdue(p, t, now_ms + t->timeout_ms);
  if (stream_resume(p->engine, t))
    code = curl_easy_pause(t->easy->curl, CURLPAUSE_CONT);
  if (code != CURLE_OK) {
    detach(p, t);
    finish(p, t, code);
  }
}

/* {=================================================================
** Progress
** ================================================================== */

static void act (Pool *p, curl_socket_t fd, int events) {
  int running;
  CURLMcode m = curl_multi_socket_action(p->multi, fd, events, &running);
  p->touched = 1;
  if (m != CURLM_OK)
    broken(p);
}

void pool_socket (Pool *p, curl_socket_t fd, short revents) {
  int events = 0;
  /* POLLERR is passed on as readable: with an error libcurl would not read a
  ** response that arrived before it. */
  if (revents & (POLLIN | POLLHUP | POLLERR))
    events |= CURL_CSELECT_IN;
  if (revents & POLLOUT)
    events |= CURL_CSELECT_OUT;
  if (revents & POLLNVAL)
    events |= CURL_CSELECT_ERR;
  if (p->multi != NULL)
    act(p, fd, events);
}

static void note_connection (Transfer *t) {
  curl_socket_t fd = CURL_SOCKET_BAD;
  long port = 0;
  curl_easy_getinfo(t->easy->curl, CURLINFO_ACTIVESOCKET, &fd);
  curl_easy_getinfo(t->easy->curl, CURLINFO_LOCAL_PORT, &port);
  if (fd != CURL_SOCKET_BAD)
    idle_note(&t->queue->idle, fd, port);
}

/* Starts a transfer again, on a new connection, when its idle one was stale. */
static int restart (Pool *p, Easy *y) {
  curl_multi_remove_handle(p->multi, y->curl);
  return easy_restart(y) &&
         curl_multi_add_handle(p->multi, y->curl) == CURLM_OK;
}

static void read_results (Pool *p) {
  CURLMsg *msg;
  int left;
  p->touched = 0;
  while (p->multi != NULL &&
         (msg = curl_multi_info_read(p->multi, &left)) != NULL) {
    CURLcode code = msg->data.result;
    Easy *y = NULL;
    Transfer *t;
    if (msg->msg != CURLMSG_DONE)
      continue;
    curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&y);
    t = y->transfer;
    if (t->stale && restart(p, y))
      continue;
    easy_harvest(y);
    if (code != CURLE_OK)
      easy_harvest_failure(y);
    if (t->http_version != CURL_HTTP_VERSION_NONE && !t->stream)
      t->queue->multiplexed = t->http_version >= CURL_HTTP_VERSION_2_0;
    if (!t->queue->multiplexed && !t->stream)
      note_connection(t);
    code = transfer_outcome(t, code);
    detach(p, t);
    finish(p, t, code);
  }
}

static void expire_waiting (Pool *p, int64_t now_ms) {
  OriginQueue *queue;
  p->expires_ms = -1;
  for (queue = p->queues; queue != NULL; queue = queue->next) {
    Transfer *before = NULL, *t = queue->first;
    while (t != NULL) {
      Transfer *next = t->next_waiting;
      if (t->expires_ms != 0 && t->expires_ms <= now_ms) {
        unqueue(p, before, t);
        transfer_expire(t, now_ms);
        finish(p, t, CURLE_OPERATION_TIMEDOUT);
      } else {
        if (t->expires_ms != 0 &&
            (p->expires_ms < 0 || t->expires_ms < p->expires_ms))
          p->expires_ms = t->expires_ms;
        before = t;
      }
      t = next;
    }
  }
}

/*
** libcurl 8.23 may lose a transfer when it runs out of memory: it is left
** without a socket or a timer that would continue it. Such a transfer is ended
** here, and its handle and connection are not reused. The timeouts of streams
** are enforced here too, since libcurl has none that fits.
*/
static void end_overdue (Pool *p, int64_t now_ms) {
  Transfer *t;
  while ((t = engine_overdue(p->engine, p, now_ms, &p->overdue_ms)) != NULL) {
    Easy *y = t->easy;
    easy_harvest(y);
    if (t->stream)
      easy_harvest_failure(y);
    transfer_end_overdue(t, now_ms);
    count_active(p, t, -1);
    (void)curl_easy_setopt(y->curl, CURLOPT_FORBID_REUSE, 1L);
    curl_multi_remove_handle(p->multi, y->curl);
    easy_drop(y);
    easy_free(y);
    finish(p, t, CURLE_OPERATION_TIMEDOUT);
  }
}

void pool_tick (Pool *p, int64_t now_ms) {
  if (p->waiting > 0 && p->expires_ms >= 0 && p->expires_ms <= now_ms)
    expire_waiting(p, now_ms);
  if (p->multi != NULL && p->timer_ms >= 0 && p->timer_ms <= now_ms) {
    p->timer_ms = -1; /* libcurl sets it again if necessary */
    act(p, CURL_SOCKET_TIMEOUT, 0);
  }
  if (p->touched)
    read_results(p);
  if (p->overdue_ms >= 0 && p->overdue_ms <= now_ms)
    end_overdue(p, now_ms);
}

int64_t pool_wakes_at (const Pool *p) {
  int64_t at = p->multi != NULL ? p->timer_ms : -1;
  if (p->touched || startable(p))
    return 0;
  if (p->waiting > 0 && p->expires_ms >= 0 && (at < 0 || p->expires_ms < at))
    at = p->expires_ms;
  if (p->overdue_ms >= 0 && (at < 0 || p->overdue_ms < at))
    at = p->overdue_ms;
  return at;
}

/* }================================================================= */

void pool_teardown (Pool *p) {
  CURLM *multi = p->multi;
  Transfer *t;
  while ((t = engine_owned(p->engine, p, 0)) != NULL) {
    if (t->queue != NULL)
      pool_cancel(p, t);
    else
      finish(p, t, CURLE_ABORTED_BY_CALLBACK); /* was still in the inbox */
  }
  while (p->spares > 0)
    easy_free(p->spare[--p->spares]);
  p->multi = NULL;
  if (multi != NULL)
    curl_multi_cleanup(multi);
  origin_queues_free(&p->queues);
}
