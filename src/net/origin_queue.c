/*
** origin_queue.c - a queue of transfers, which the engine owns. The pool owns
** the queue until its own end. Used only by the engine's thread.
*/
#include "origin_queue.h"

#include "url.h"

#include <stdlib.h>
#include <string.h>

/* Streams that a server usually allows on one HTTP/2 connection. */
#define STREAMS_PER_CONNECTION 100

static OriginQueue *new_queue (const char *url, size_t len) {
  OriginQueue *queue = calloc(1, sizeof(OriginQueue));
  if (queue == NULL)
    return NULL;
  queue->origin = malloc(len + 1);
  if (queue->origin == NULL) {
    free(queue);
    return NULL;
  }
  memcpy(queue->origin, url, len);
  queue->origin[len] = '\0';
  return queue;
}

OriginQueue *origin_queue_for (OriginQueue **list, const char *url) {
  size_t len = url_origin_length(url);
  OriginQueue *queue;
  for (queue = *list; queue != NULL; queue = queue->next) {
    if (strncmp(queue->origin, url, len) == 0 && queue->origin[len] == '\0')
      return queue;
  }
  queue = new_queue(url, len);
  if (queue != NULL) {
    queue->next = *list;
    *list = queue;
  }
  return queue;
}

int origin_queue_has_room (const OriginQueue *queue) {
  int most = queue->first->config->max_connections;
  if (queue->multiplexed)
    most *= STREAMS_PER_CONNECTION;
  return queue->active < most;
}

void origin_queue_append (OriginQueue *queue, Transfer *t) {
  t->next_waiting = NULL;
  if (queue->last == NULL)
    queue->first = t;
  else
    queue->last->next_waiting = t;
  queue->last = t;
}

void origin_queue_remove (OriginQueue *queue, Transfer *before, Transfer *t) {
  if (before == NULL)
    queue->first = t->next_waiting;
  else
    before->next_waiting = t->next_waiting;
  if (queue->last == t)
    queue->last = before;
  t->next_waiting = NULL;
}

void origin_queues_free (OriginQueue **list) {
  OriginQueue *queue = *list;
  *list = NULL;
  while (queue != NULL) {
    OriginQueue *next = queue->next;
    idle_free(&queue->idle);
    free(queue->origin);
    free(queue);
    queue = next;
  }
}
