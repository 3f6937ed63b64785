/*
** origin_queue.h - the transfers to one origin that wait for a connection.
**
** libcurl would take all of them at once and let their time limits run while
** they wait; here they are held back, so that an attempt's time begins when it
** can be sent.
*/
#ifndef POSTHOG_LLM_NET_ORIGIN_QUEUE_H
#define POSTHOG_LLM_NET_ORIGIN_QUEUE_H

#include "idle.h"
#include "transfer.h"

#pragma GCC visibility push(hidden)

typedef struct OriginQueue {
  char *origin;           /* scheme://authority */
  int active;             /* transfers in the multi handle */
  int multiplexed;        /* the origin responds over HTTP/2 */
  IdleConnections idle;   /* connections over HTTP/1 */
  Transfer *first, *last; /* waiting, in order */
  struct OriginQueue *next;
} OriginQueue;

/* That of a URL, made when the list has none; NULL without memory. */
OriginQueue *origin_queue_for (OriginQueue **list, const char *url);

/* May the first one waiting be started? */
int origin_queue_has_room (const OriginQueue *queue);

void origin_queue_append (OriginQueue *queue, Transfer *t);

/* Takes t, which follows `before` (NULL: is the first), out. */
void origin_queue_remove (OriginQueue *queue, Transfer *before, Transfer *t);

void origin_queues_free (OriginQueue **list);

#pragma GCC visibility pop

#endif
