/*
** transfer.h - one request and its response, as both threads see it.
**
** A transfer is made and filled by the Lua thread, then handed to the engine,
** which works on it until it is DONE and hands it back. So at any time one
** thread owns everything in it; only the fields marked (lock) are shared and
** are read and written under the engine's lock.
*/
#ifndef POSTHOG_LLM_NET_TRANSFER_H
#define POSTHOG_LLM_NET_TRANSFER_H

#include "base/buffer.h"
#include "request_config.h"

#include <stdint.h>

#pragma GCC visibility push(hidden)

struct Easy;
struct Engine;
struct IdleConnections;
struct OriginQueue;
struct Pool;

typedef enum TransferState {
  TRANSFER_NEW,    /* being filled by Lua */
  TRANSFER_QUEUED, /* with the engine */
  TRANSFER_DONE    /* nothing changes any more; the result may be read */
} TransferState;

typedef struct Timings {
  curl_off_t name_lookup, connect, tls, first_byte, total; /* microseconds */
} Timings;

/* What is known of a failure beside libcurl's code. */
typedef struct Failure {
  int harvested;     /* libcurl has tried it */
  long os_error;     /* errno of the last connect */
  long verify;       /* of the server's certificate, in the numbers of the TLS
                        library */
  long proxy_verify; /* of the proxy's */
} Failure;

typedef struct Transfer {
  /* request */
  uint64_t id;           /* unique in the engine */
  RequestConfig *config; /* a reference */
  char *method;
  char *url;
  struct curl_slist *headers; /* NULL: those of the config */
  Buffer body;
  int has_body;
  int once;           /* libcurl never sends it twice, not even on a stale
                         connection: it is not safe to repeat, or a write,
                         whose attempts are counted where they are made */
  int secure;         /* by TLS */
  long timeout_ms;    /* from the start of the transfer; 0: none */
  int64_t made_ms;    /* monotonic */
  int64_t expires_ms; /* monotonic; the end of the whole call; 0: none */
  int64_t overdue_ms; /* monotonic; from then on libcurl should have ended it;
                         0: none */

  /* response */
  CURLcode code;
  char *message; /* what went wrong; NULL: what the code says */
  enum {
    LIMIT_NONE,
    LIMIT_BODY,
    LIMIT_HEADERS,
    LIMIT_HEADER_LINE,
    LIMIT_MEMORY
  } limit;
  Failure failure;
  long status;
  long proxy_status; /* what a proxy answered to CONNECT; 0: nothing */
  long http_version; /* CURL_HTTP_VERSION_... */
  int sent;          /* some byte of the request left this machine */
  const struct IdleConnections *idle; /* over HTTP/1: those to choose from */
  int stale;          /* its idle connection was found to be unusable */
  int fresh;          /* it got a new one instead */
  int requests_begun; /* requests that libcurl put on a connection */
  long bytes_before;  /* written before the first of these */
  Timings timings;
  Buffer header_block; /* of the final response, status line first */
  int headers_ended;
  size_t header_bytes; /* of interim responses and trailers too */
  size_t content_length;
  Buffer response;

  /* places in the engine's lists */
  TransferState state; /* (lock) */
  int cancelled;       /* (lock) */
  int refs;            /* (lock) the Lua handle, the engine, the order to cancel
                          and the list of finished transfers: one each */
  size_t unread;       /* (lock) bytes of the response in engine.unread */
  /* A cancelled one may be in all three of these at once. */
  struct Transfer *next_inbox;              /* (lock) */
  struct Transfer *next_cancel;             /* (lock) */
  struct Transfer *next_finished;           /* (lock) */
  struct Transfer *prev_owned, *next_owned; /* (lock) all of a pool */
  struct Transfer *next_waiting;            /* engine: in its origin's queue */
  struct Pool *pool;
  struct OriginQueue *queue; /* engine */
  struct Easy *easy;         /* engine; NULL unless in the multi handle */
} Transfer;

Transfer *transfer_new (void); /* NULL without memory; refs is 1 */
void transfer_free (Transfer *t);

/* libcurl's callbacks, which get the transfer last: a header line, a part of
** the body. Not to be stopped: the number of bytes. */
size_t transfer_on_header (char *line, size_t size, size_t n, void *transfer);
size_t transfer_on_body (char *bytes, size_t size, size_t n, void *transfer);

/* Those that it sends. */
const struct curl_slist *transfer_lines (const Transfer *t);

/* Without memory there is no message. */
void transfer_set_error (Transfer *t, const char *message);

/* What libcurl's code comes to for a transfer that is finished and harvested.
 */
CURLcode transfer_outcome (Transfer *t, CURLcode code);

/* Nothing more is sent: frees what was for that. */
void transfer_drop_request (Transfer *t);

/* Its time was over before it could be sent: says so. */
void transfer_expire (Transfer *t, int64_t now_ms);

/* Its time is over, and libcurl has not noticed: says so. */
void transfer_end_overdue (Transfer *t, int64_t now_ms);

#pragma GCC visibility pop

#endif
