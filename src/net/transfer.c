/*
** transfer.c - one request and its response. Owned by its references; used by
** one thread at a time, see transfer.h.
*/
#include "base/posix.h"

#include "transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define USUAL_HEADERS 1024 /* bytes */

Transfer *transfer_new (void) {
  Transfer *t = calloc(1, sizeof(Transfer));
  if (t != NULL)
    t->refs = 1;
  return t;
}

void transfer_drop_request (Transfer *t) {
  free(t->own_method);
  free(t->url);
  curl_slist_free_all(t->headers);
  buffer_free(&t->body);
  t->method = NULL;
  t->own_method = t->url = NULL;
  t->headers = NULL;
}

static void free_parts (Transfer *t) {
  transfer_drop_request(t);
  request_config_release(t->config);
  free(t->message);
  buffer_free(&t->response);
}

void transfer_reset (Transfer *t) {
  Buffer headers = t->header_block;
  headers.len = 0;
  if (headers.size > TRANSFER_KEPT_HEADERS)
    buffer_free(&headers);
  free_parts(t);
  memset(t, 0, sizeof(*t));
  t->header_block = headers;
  t->refs = 1;
}

void transfer_free (Transfer *t) {
  if (t == NULL)
    return;
  free_parts(t);
  buffer_free(&t->header_block);
  free(t);
}

const struct curl_slist *transfer_lines (const Transfer *t) {
  const struct curl_slist *lines = t->config->headers;
  if (t->headers != NULL)
    return t->headers;
  return t->stream && lines != NULL ? lines->next : lines;
}

void transfer_set_error (Transfer *t, const char *message) {
  free(t->message);
  t->message = strdup(message);
}

/* {=================================================================
** Callbacks: they run inside libcurl on the engine's thread. No Lua here.
** ================================================================== */

static void note_content_length (Transfer *t, const char *line, size_t len) {
  static const char name[] = "content-length:";
  size_t i = sizeof(name) - 1, value = 0;
  if (len <= i || (line[0] | 0x20) != name[0] ||
      strncasecmp(line, name, i) != 0)
    return;
  while (i < len && (line[i] == ' ' || line[i] == '\t'))
    i++;
  for (; i < len && line[i] >= '0' && line[i] <= '9'; i++) {
    if (value > t->config->max_body)
      return; /* the body itself will exceed the limit */
    value = value * 10 + (size_t)(line[i] - '0');
  }
  t->content_length = value;
}

/* Is the status of the header block 1xx, so that another block follows? */
static int interim (const Transfer *t) {
  const char *s = t->header_block.data;
  const char *space = memchr(s, ' ', t->header_block.len);
  return space != NULL && space + 1 < s + t->header_block.len &&
         space[1] == '1';
}

size_t transfer_on_header (char *line, size_t size, size_t n, void *arg) {
  Transfer *t = arg;
  size_t len = size * n;
  if (len > t->config->max_headers - t->header_bytes) {
    t->limit = LIMIT_HEADERS;
    return 0;
  }
  t->header_bytes += len;
  if (t->headers_ended) {
    if (!interim(t))
      return len; /* trailers after a chunked body are ignored */
    t->header_block.len = 0;
    t->headers_ended = 0;
    t->content_length = 0;
  }
  if (t->header_block.data == NULL)
    (void)buffer_reserve(&t->header_block, USUAL_HEADERS); /* grow once */
  if (buffer_append(&t->header_block, line, len) != 0) {
    t->limit = LIMIT_MEMORY;
    return 0;
  }
  if (len <= 2 && (line[0] == '\r' || line[0] == '\n'))
    t->headers_ended = 1;
  else
    note_content_length(t, line, len);
  return len;
}

size_t transfer_on_body (char *bytes, size_t size, size_t n, void *arg) {
  Transfer *t = arg;
  size_t len = size * n;
  if (len > t->config->max_body - t->response.len) {
    t->limit = LIMIT_BODY;
    return 0;
  }
  /* Reserve the announced length at once: growing step by step would copy a
  ** large body several times and leave a third of the memory unused. */
  if (t->response.data == NULL && t->content_length > len &&
      t->content_length <= t->config->max_body)
    (void)buffer_reserve(&t->response, t->content_length);
  if (buffer_append(&t->response, bytes, len) != 0) {
    t->limit = LIMIT_MEMORY;
    return 0;
  }
  return len;
}

/* }================================================================= */

void transfer_expire (Transfer *t, int64_t now_ms) {
  char message[96];
  if (t->expires_ms <= t->made_ms) {
    transfer_set_error(t,
                       "the deadline had passed before the request was made");
    return;
  }
  snprintf(message, sizeof(message),
           "timed out after %ld ms waiting for a free connection",
           (long)(now_ms - t->made_ms));
  transfer_set_error(t, message);
}

void transfer_end_overdue (Transfer *t, int64_t now_ms) {
  char message[96];
  if (t->stream) {
    snprintf(message, sizeof(message), "no data arrived for %ld ms",
             t->streaming ? t->timeout_ms : t->left_ms);
    transfer_set_error(t, message);
    return;
  }
  snprintf(message, sizeof(message),
           "timed out after %ld ms: libcurl did not end the request by itself",
           (long)(now_ms - t->made_ms));
  transfer_set_error(t, message);
}

CURLcode transfer_outcome (Transfer *t, CURLcode code) {
  int whole = t->headers_ended && t->status >= 200;
  if (code == CURLE_OK && !whole) {
    transfer_set_error(t, "the connection ended within the response headers");
    return CURLE_RECV_ERROR;
  }
  if (code == CURLE_WRITE_ERROR && t->limit == LIMIT_NONE)
    return CURLE_BAD_CONTENT_ENCODING; /* not by our callback: by a decoder */
  if ((code == CURLE_OUT_OF_MEMORY || code == COMPAT_TOO_LARGE) && t->sent &&
      !t->headers_ended && t->limit == LIMIT_NONE)
    t->limit = LIMIT_HEADER_LINE;
  return code;
}
