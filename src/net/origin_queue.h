/*
** origin_queue.h - the transfers to one origin that wait for a connection.
**
** libcurl would accept all of them at once and count their timeouts while they
** wait. They are held back here, so that the timeout of an attempt begins when
** it can be sent.
*/
#ifndef POSTHOG_LLM_NET_ORIGIN_QUEUE_H
#define POSTHOG_LLM_NET_ORIGIN_QUEUE_H

#include "idle.h"
#include "transfer.h"

#pragma GCC visibility push(hidden)

typedef struct OriginQueue {
  char *origin;           /* scheme://authority */
  int active;             /* transfers in the multi handle */
  int multiplexed;        /* whether the origin responds over HTTP/2 */
  IdleConnections idle;   /* connections over HTTP/1 */
  Transfer *first, *last; /* those that wait, in order */
  struct OriginQueue *next;
} OriginQueue;

/* The queue for a URL, created if necessary; NULL: out of memory. */
OriginQueue *origin_queue_for (OriginQueue **list, const char *url);

/* May the first waiting transfer be started? */
int origin_queue_has_room (const OriginQueue *queue);

void origin_queue_append (OriginQueue *queue, Transfer *t);

/* Removes t, which follows `before` (NULL: t is the first). */
void origin_queue_remove (OriginQueue *queue, Transfer *before, Transfer *t);

void origin_queues_free (OriginQueue **list);

#pragma GCC visibility pop

#endif
