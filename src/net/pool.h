/*
** pool.h - a multi handle with its connections, and the queues for it.
**
** A pool belongs to one family of clients and is closed with the last of them.
** Except for the fields marked (lock), only the engine's thread uses it.
*/
#ifndef POSTHOG_LLM_NET_POOL_H
#define POSTHOG_LLM_NET_POOL_H

#include "easy.h"
#include "origin_queue.h"
#include "transfer.h"

#include <stddef.h>

#pragma GCC visibility push(hidden)

struct Engine;

typedef struct Pool {
  struct Engine *engine;
  CURLM *multi;     /* NULL until the first start, and after an error of it */
  int64_t timer_ms; /* monotonic; when libcurl has to be called; 0: now, -1:
                       never */
  int touched;      /* whether there may be messages to read */
  long connections; /* maximum, apart from those of streams */
  int streams;      /* in the multi handle, each with a connection of its own */
  long allowed;     /* what libcurl may open to a host, and keep */
  OriginQueue *queues;
  int waiting;        /* transfers in all queues */
  int64_t expires_ms; /* no waiting transfer expires before this; -1: none */
  int64_t overdue_ms; /* none in the multi handle is overdue before; -1: none */
  Easy *spare[16];
  int spares;
  struct Pool *next;       /* of the engine */
  Transfer *owned;         /* (lock) all transfers to which the engine has a
                              reference */
  int closing;             /* (lock) */
  struct Pool *next_inbox; /* (lock) */
  int in_inbox;            /* (lock) */
} Pool;

/*
** All of these run on the engine's thread; the engine's lock is not held.
** Transfers that end are given to engine_finish.
*/
int pool_enqueue (Pool *p, Transfer *t); /* 0, or -1: out of memory */
int pool_start (Pool *p, int most, int64_t now_ms); /* number started */
void pool_cancel (Pool *p, Transfer *t);
/* Lua waits for more of a stream: its timeout starts, a paused one continues.
 */
void pool_resume (Pool *p, Transfer *t, int64_t now_ms);
void pool_socket (Pool *p, curl_socket_t fd, short revents); /* as of poll() */
void pool_tick (Pool *p, int64_t now_ms); /* timers, timeouts, results */
/* Monotonic ms when it needs its next turn; 0: now, -1: never. */
int64_t pool_wakes_at (const Pool *p);
void pool_teardown (Pool *p); /* ends every transfer; does not free p */

#pragma GCC visibility pop

#endif
