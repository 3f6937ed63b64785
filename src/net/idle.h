/*
** idle.h - the idle connections to an origin, over HTTP/1. libcurl 7.88 reuses
** an idle connection on which unrequested bytes have arrived, and takes them
** for the response; or one that the server has closed, so that the request is
** lost. So connections are checked before reuse.
*/
#ifndef POSTHOG_LLM_NET_IDLE_H
#define POSTHOG_LLM_NET_IDLE_H

#include "curl_compat.h"

#include <stddef.h>

#pragma GCC visibility push(hidden)

typedef struct IdleSocket {
  curl_socket_t fd;
  long port; /* local */
} IdleSocket;

typedef struct IdleConnections {
  IdleSocket *sockets;
  size_t n;
} IdleConnections;

/* Records the socket of a request that has ended; not when out of memory. */
void idle_note (IdleConnections *c, curl_socket_t fd, long port);

/* Removes a socket that is closed: its number may be reused. */
void idle_forget (IdleConnections *c, curl_socket_t fd);

/* Must the connection with this local port not be reused? 0 for a new one. */
int idle_is_stale (const IdleConnections *c, long port);

void idle_free (IdleConnections *c);

#pragma GCC visibility pop

#endif
