/*
** easy.h - a libcurl easy handle, prepared once for one request after another.
**
** What is the same as for the request before is not set again, which is most of
** it: setting everything costs as much as the work between two waits. libcurl's
** callbacks get the Easy, so that it is theirs for as long as it lives. All of
** it is the engine thread's alone.
*/
#ifndef POSTHOG_LLM_NET_EASY_H
#define POSTHOG_LLM_NET_EASY_H

#include "base/buffer.h"
#include "request_config.h"
#include "transfer.h"

#pragma GCC visibility push(hidden)

typedef struct Easy {
  CURL *curl;
  CURLU *url;                       /* of the request, taken apart */
  const struct OriginQueue *origin; /* of the url; NULL: set it as a whole */
  Transfer *transfer;               /* that it works for; NULL: it is a spare */
  char message[CURL_ERROR_SIZE];
  Buffer
      headers; /* room for those of the next response, lent to the transfer */

  /* what the handle is set to */
  RequestConfig *config;          /* a reference; NULL: libcurl's own */
  const struct curl_slist *lines; /* NULL: to be set in any case */
  long timeout_ms;
  int tls;
  int reads; /* GET without a body */
} Easy;

Easy *easy_new (void); /* NULL when libcurl lacks memory or an option */
void easy_free (Easy *y);

/* Puts the request on it. One that fails is of no further use. */
CURLcode easy_take (Easy *y, Transfer *t, int64_t now_ms);

/* Reads what libcurl knows of the finished transfer. */
void easy_harvest (const Easy *y);

/* And of why it failed. */
void easy_harvest_failure (const Easy *y);

/* Lets go of its transfer, which keeps nothing of it. */
void easy_drop (Easy *y);

/* Whether to add it once more: nothing was sent, since the idle connection was
** stale; now it is to make a new one. */
int easy_restart (Easy *y);

#pragma GCC visibility pop

#endif
