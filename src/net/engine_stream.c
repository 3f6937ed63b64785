/*
** engine_stream.c - passes the pieces of a body from the engine's thread to
** Lua's. The transfer owns them, under the engine's lock.
*/
#include "engine_stream.h"

#include "engine_state.h"

#include <string.h>

/* Bytes that may arrive before Lua takes them: about what Lua decodes while the
** next piece wakes it. */
#define MAX_AHEAD ((size_t)256 << 10)

size_t stream_deliver (Engine *e, Transfer *t, const char *bytes, size_t len) {
  size_t taken = len;
  engine_lock(e);
  t->overdue_ms = 0;
  if (t->state != TRANSFER_DONE) { /* cancelled otherwise */
    t->streaming = 1;
    if (t->response.len >= MAX_AHEAD) {
      t->paused = 1;
      taken = CURL_WRITEFUNC_PAUSE; /* libcurl passes them again */
    } else if (buffer_append(&t->response, bytes, len) != 0) {
      t->limit = LIMIT_MEMORY;
      taken = 0;
    } else {
      engine_append_finished(e, t);
    }
  }
  engine_unlock(e);
  return taken;
}

int stream_resume (Engine *e, Transfer *t) {
  int paused;
  engine_lock(e);
  paused = t->paused;
  t->paused = 0;
  engine_unlock(e);
  return paused;
}

/* The caller holds the lock. */
static void order_more (Engine *e, Transfer *t) {
  if (t->wanted || t->state == TRANSFER_DONE)
    return;
  t->wanted = 1;
  t->refs++;
  t->next_wanted = e->wanted;
  e->wanted = t;
  if (e->running)
    wakeup_signal(&e->to_thread);
}

int stream_take (Engine *e, Transfer *t, Buffer *into) {
  int done;
  engine_lock(e);
  done = t->state == TRANSFER_DONE;
  if (into != NULL && t->streaming && !t->cancelled) {
    *into = t->response;
    memset(&t->response, 0, sizeof(t->response));
    e->unread -= t->unread;
    t->unread = 0;
    if (!done)
      engine_unlist(e, t); /* listed only while there is data */
    if (t->paused || into->len == 0)
      order_more(e, t);
  }
  engine_unlock(e);
  return done;
}

int stream_is_open (Engine *e, Transfer *t) {
  int open;
  engine_lock(e);
  open = t->streaming;
  engine_unlock(e);
  return open;
}
