#include "idle.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void kept_note (Kept *k, curl_socket_t fd, long port) {
  struct KeptSocket *grown;
  size_t i;
  for (i = 0; i < k->n && k->sockets[i].fd != fd; i++)
    ;
  if (i == k->n) {
    grown = realloc(k->sockets, (k->n + 1) * sizeof(*grown));
    if (grown == NULL)
      return;
    k->sockets = grown;
    k->sockets[k->n++].fd = fd;
  }
  k->sockets[i].port = port;
}

/* The local port of a socket; 0 for what is none. */
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

void kept_forget (Kept *k, curl_socket_t fd) {
  size_t i;
  for (i = 0; i < k->n && k->sockets[i].fd != fd; i++)
    ;
  if (i < k->n)
    k->sockets[i] = k->sockets[--k->n];
}

int kept_is_stale (const Kept *k, long port) {
  char byte;
  size_t i;
  for (i = 0; i < k->n && k->sockets[i].port != port; i++)
    ;
  if (i == k->n ||
      (recv(k->sockets[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
       (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)))
    return 0;
  return port_of(k->sockets[i].fd) == port;
}

void kept_free (Kept *k) {
  free(k->sockets);
  k->sockets = NULL;
  k->n = 0;
}
