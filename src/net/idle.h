/*
** idle.h - the idle connections to an origin, over HTTP/1. libcurl 7.88 uses
** one again on which something has come meanwhile, and takes bytes that
** nobody has asked for as the response to that request; or one that has
** ended, and the request is lost. So they are looked at first.
*/
#ifndef POSTHOG_LLM_NET_IDLE_H
#define POSTHOG_LLM_NET_IDLE_H

#include "curl_compat.h"

#include <stddef.h>

#pragma GCC visibility push(hidden)

typedef struct IdleSocket {
  curl_socket_t fd;
  long port; /* of this end */
} IdleSocket;

typedef struct IdleConnections {
  IdleSocket *sockets;
  size_t n;
} IdleConnections;

/* A request over this socket has ended. Without memory it stays unknown. */
void idle_note (IdleConnections *c, curl_socket_t fd, long port);

/* It is closed: the number may be another's from now on. */
void idle_forget (IdleConnections *c, curl_socket_t fd);

/* Is the connection with this local port one that must not be used again? A
** new one is not. */
int idle_is_stale (const IdleConnections *c, long port);

void idle_free (IdleConnections *c);

#pragma GCC visibility pop

#endif
