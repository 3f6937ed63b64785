/*
** easy.h - a libcurl easy handle, reused for one request after another.
**
** Options that are the same as for the previous request, which most are, are
** not set again: setting all of them costs as much as the work between two
** waits. libcurl's callbacks get the Easy as their argument. Only the engine's
** thread uses it.
*/
#ifndef POSTHOG_LLM_NET_EASY_H
#define POSTHOG_LLM_NET_EASY_H

#include "base/buffer.h"
#include "request_config.h"
#include "transfer.h"

#pragma GCC visibility push(hidden)

typedef struct Easy {
  CURL *curl;
  CURLU *url;                       /* of the request, or its origin alone */
  const struct OriginQueue *origin; /* what the url has; NULL: a whole URL */
  Transfer *transfer;               /* the current one; NULL: it is a spare */
  size_t (*deliver)(Transfer *t, const char *bytes,
                    size_t len); /* of streams */
  char message[CURL_ERROR_SIZE];
  Buffer headers; /* memory for the next response's, lent to the transfer */

  /* the present settings of the handle */
  RequestConfig *config;          /* a reference; NULL: none is set yet */
  const struct curl_slist *lines; /* NULL: must be set again */
  long timeout_ms;
  int tls;
  int targeted; /* path and query are the request target, not in the url */
  int reads;    /* GET without a body */
} Easy;

Easy *easy_new (void); /* NULL: out of memory, or libcurl lacks an option */
void easy_free (Easy *y);

/* Sets the request of t. After a failure the handle must be freed. */
CURLcode easy_take (Easy *y, Transfer *t, int64_t now_ms);

/* Copies libcurl's information about the finished transfer into it. */
void easy_harvest (const Easy *y);

/* Copies the information about its failure. */
void easy_harvest_failure (const Easy *y);

/* Separates it from its transfer. */
void easy_drop (Easy *y);

/* Prepares it for a new connection when nothing was sent, since the idle
** connection was stale. Returns whether to add it to the multi handle again. */
int easy_restart (Easy *y);

#pragma GCC visibility pop

#endif
