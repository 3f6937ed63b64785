/*
** request_config.h - the settings that all requests of a client share.
**
** Limits, CA bundle, proxies and header lines: checked once, then shared by
** transfers and never changed. Both threads release references, so they are
** counted atomically.
*/
#ifndef POSTHOG_LLM_NET_REQUEST_CONFIG_H
#define POSTHOG_LLM_NET_REQUEST_CONFIG_H

#include "curl_compat.h"

#include <stddef.h>

#pragma GCC visibility push(hidden)

typedef struct RequestConfig {
  int refs;
  long connect_timeout_ms; /* 0: libcurl's default */
  size_t max_body;         /* bytes after decompression */
  size_t max_headers;
  int max_connections; /* to the origin, over HTTP/1.1 */
  char *ca_file;       /* NULL: libcurl's default */
  char *proxy;         /* NULL or "": none */
  char *no_proxy;      /* NULL: none */
  /* Of requests without headers of their own: first Accept-Encoding, which a
  ** stream leaves out, then those of the client. */
  struct curl_slist *headers;
} RequestConfig;

RequestConfig *request_config_new (void); /* refs is 1; NULL: out of memory */
/* Gives a config without headers the first one. 0, or -1: out of memory. */
int request_config_accept (RequestConfig *config);
void request_config_retain (RequestConfig *config);
void request_config_release (RequestConfig *config); /* may be NULL */

#pragma GCC visibility pop

#endif
