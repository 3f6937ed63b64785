/*
** transfer.h - one request and its response, shared by both threads.
**
** Lua's thread makes and fills a transfer and submits it to the engine, which
** works on it until it is DONE and returns it. So at any time one thread owns
** all its fields, except those marked (lock), which are read and written under
** the engine's lock.
*/
#ifndef POSTHOG_LLM_NET_TRANSFER_H
#define POSTHOG_LLM_NET_TRANSFER_H

#include "base/buffer.h"
#include "request_config.h"

#include <stdint.h>

#pragma GCC visibility push(hidden)

/* Bytes for headers that are kept for the next response. */
#define TRANSFER_KEPT_HEADERS 8192

struct Easy;
struct Engine;
struct IdleConnections;
struct OriginQueue;
struct Pool;

typedef enum TransferState {
  TRANSFER_NEW,    /* being filled by Lua */
  TRANSFER_QUEUED, /* submitted to the engine */
  TRANSFER_DONE    /* final: the result may be read */
} TransferState;

typedef struct Timings {
  curl_off_t name_lookup, connect, tls, first_byte, total; /* microseconds */
} Timings;

/* Details of a failure in addition to libcurl's code. */
typedef struct Failure {
  int harvested;     /* whether libcurl has tried the transfer */
  long os_error;     /* errno of the last connect */
  long verify;       /* result for the server's certificate, as a number of the
                        TLS library */
  long proxy_verify; /* the same for the proxy's */
} Failure;

typedef struct Transfer {
  /* request */
  uint64_t id;           /* unique in the engine */
  RequestConfig *config; /* a reference */
  const char *method;    /* a constant, or own_method */
  char *own_method;
  char *url;
  struct curl_slist *headers; /* NULL: those of the config */
  Buffer body;
  int has_body;
  int once;        /* libcurl must never send it twice, not even after a
                      stale connection: it is not safe to repeat, or a
                      write, whose attempts Lua counts */
  int secure;      /* whether it uses TLS */
  int stream;      /* whether a 2xx body is read in pieces: engine_stream.h */
  long timeout_ms; /* from the start of the transfer; 0: none. For a stream:
                      for each wait for data */
  long left_ms;    /* timeout_ms, limited by expires_ms */
  int64_t made_ms; /* monotonic */
  int64_t expires_ms; /* monotonic; the end of the whole call; 0: none */
  int64_t overdue_ms; /* monotonic; by then libcurl should have ended it; 0:
                         none */

  /* response */
  CURLcode code;
  char *message; /* what went wrong; NULL: the text of `code` */
  enum {
    LIMIT_NONE,
    LIMIT_BODY,
    LIMIT_HEADERS,
    LIMIT_HEADER_LINE,
    LIMIT_MEMORY
  } limit;
  Failure failure;
  long status;
  long proxy_status; /* a proxy's response to CONNECT; 0: none */
  long http_version; /* CURL_HTTP_VERSION_... */
  int sent;          /* whether some byte of the request was sent */
  const struct IdleConnections *idle; /* over HTTP/1: those of the origin */
  int stale;          /* whether its idle connection was unusable */
  int fresh;          /* whether it got a new one instead */
  int requests_begun; /* how often libcurl put it on a connection */
  long bytes_before;  /* bytes written before the first time */
  Timings timings;
  Buffer header_block; /* of the final response, status line first */
  int headers_ended;
  size_t header_bytes; /* including interim responses and trailers */
  size_t content_length;
  Buffer response;

  /* links of the engine's lists */
  TransferState state; /* (lock) */
  int cancelled;       /* (lock) */
  int refs;            /* (lock) one each for the Lua handle, the engine, the
                          order to cancel and the list of finished transfers */
  int streaming;       /* (lock) Lua takes pieces: response is (lock) too */
  int paused;          /* (lock) until Lua takes what is in response */
  int wanted;          /* (lock) is in engine.wanted */
  int listed;          /* (lock) is in engine.finished */
  size_t unread;       /* (lock) bytes of the response in engine.unread */
  /* A cancelled transfer may be in all these lists at once. */
  struct Transfer *next_inbox;              /* (lock) */
  struct Transfer *next_cancel;             /* (lock) */
  struct Transfer *next_finished;           /* (lock) */
  struct Transfer *next_wanted;             /* (lock) */
  struct Transfer *prev_owned, *next_owned; /* (lock) all of a pool */
  struct Transfer *next_waiting;            /* engine: in its origin's queue */
  struct Pool *pool;
  struct OriginQueue *queue; /* engine */
  struct Easy *easy;         /* engine; NULL unless in the multi handle */
} Transfer;

Transfer *transfer_new (void); /* refs is 1; NULL: out of memory */
void transfer_free (Transfer *t);

/* Makes it as new, for its only reference. It keeps the memory of its headers,
** unless they were large. */
void transfer_reset (Transfer *t);

/* libcurl's callbacks for a header line and for a part of the body. They return
** the number of bytes, or another number to end the transfer. */
size_t transfer_on_header (char *line, size_t size, size_t n, void *transfer);
size_t transfer_on_body (char *bytes, size_t size, size_t n, void *transfer);

/* The header lines of its request. */
const struct curl_slist *transfer_lines (const Transfer *t);

/* Copies the message; out of memory: there is no message. */
void transfer_set_error (Transfer *t, const char *message);

/* The final code of a transfer that is finished and harvested, from libcurl's
** code. */
CURLcode transfer_outcome (Transfer *t, CURLcode code);

/* Frees the request, once nothing more is sent. */
void transfer_drop_request (Transfer *t);

/* Sets the error of a transfer whose deadline passed before it was sent. */
void transfer_expire (Transfer *t, int64_t now_ms);

/* Sets the error of a transfer that libcurl has failed to time out. */
void transfer_end_overdue (Transfer *t, int64_t now_ms);

#pragma GCC visibility pop

#endif
