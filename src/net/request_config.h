/*
** request_config.h - what stays the same from one request of a client to the
** next.
**
** Limits, CA bundle, proxies and header lines: checked once, then shared by all
** transfers that were started with them, and never changed. Both threads let go
** of transfers, so the references are counted atomically.
*/
#ifndef POSTHOG_LLM_NET_REQUEST_CONFIG_H
#define POSTHOG_LLM_NET_REQUEST_CONFIG_H

#include "curl_compat.h"

#include <stddef.h>

#pragma GCC visibility push(hidden)

typedef struct RequestConfig {
  int refs;
  long connect_timeout_ms; /* 0: libcurl's own */
  size_t max_body;         /* bytes after decompression */
  size_t max_headers;
  int max_connections;        /* to the origin, over HTTP/1.1 */
  char *ca_file;              /* NULL: libcurl's own */
  char *proxy;                /* NULL or "": none */
  char *no_proxy;             /* NULL: libcurl's own */
  struct curl_slist *headers; /* of requests that bring none */
} RequestConfig;

RequestConfig *request_config_new (void); /* NULL without memory; refs is 1 */
void request_config_retain (RequestConfig *config);
void request_config_release (RequestConfig *config); /* NULL is fine */

#pragma GCC visibility pop

#endif
