/*
** idle.c - records the numbers of libcurl's sockets, which libcurl owns. Owned
** by the origin queue; used only by the engine's thread.
*/
#include "idle.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void idle_note (IdleConnections *c, curl_socket_t fd, long port) {
  struct IdleSocket *grown;
  size_t i;
  for (i = 0; i < c->n && c->sockets[i].fd != fd; i++)
    ;
  if (i == c->n) {
    grown = realloc(c->sockets, (c->n + 1) * sizeof(*grown));
    if (grown == NULL)
      return;
    c->sockets = grown;
    c->sockets[c->n++].fd = fd;
  }
  c->sockets[i].port = port;
}

/* The local port of a socket; 0 if it is no connected socket. */
static long port_of (curl_socket_t fd) {
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } address;
  socklen_t len = sizeof(address);
  memset(&address, 0, sizeof(address));
  if (getsockname(fd, &address.any, &len) != 0)
    return 0;
  if (address.any.sa_family == AF_INET)
    return ntohs(address.v4.sin_port);
  return address.any.sa_family == AF_INET6 ? ntohs(address.v6.sin6_port) : 0;
}

void idle_forget (IdleConnections *c, curl_socket_t fd) {
  size_t i;
  for (i = 0; i < c->n && c->sockets[i].fd != fd; i++)
    ;
  if (i < c->n)
    c->sockets[i] = c->sockets[--c->n];
}

int idle_is_stale (const IdleConnections *c, long port) {
  char byte;
  size_t i;
  for (i = 0; i < c->n && c->sockets[i].port != port; i++)
    ;
  if (i == c->n ||
      (recv(c->sockets[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
       (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)))
    return 0;
  return port_of(c->sockets[i].fd) == port;
}

void idle_free (IdleConnections *c) {
  free(c->sockets);
  c->sockets = NULL;
  c->n = 0;
}
