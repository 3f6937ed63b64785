/*
** idle.h - the connections to an origin that are kept for the next request,
** over HTTP/1. libcurl 7.88 uses one again on which something has come
*meanwhile,
** and takes bytes that nobody has asked for as the answer to that request; or
** one that has ended, and the request is lost. So they are looked at first.
*/
#ifndef POSTHOG_LLM_NET_IDLE_H
#define POSTHOG_LLM_NET_IDLE_H

#include <curl/curl.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

typedef struct Kept {
  struct KeptSocket {
    curl_socket_t fd;
    long port; /* of this end */
  } * sockets;
  size_t n;
} Kept;

/* A request over this socket has ended. Without memory it stays unknown. */
void kept_note (Kept *k, curl_socket_t fd, long port);

/* It is closed: the number may be another's from now on. */
void kept_forget (Kept *k, curl_socket_t fd);

/* Is the connection with this local port one that must not be used again? A
** new one is not. */
int kept_is_stale (const Kept *k, long port);

void kept_free (Kept *k);

#pragma GCC visibility pop

#endif
