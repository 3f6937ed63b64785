#include "compat.h"

#include "kept.h"
#include "transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define IDLE_CONNECTION_SECONDS 60L
#define USUAL_HEADERS           1024 /* bytes */

Transfer *transfer_new (void) {
  Transfer *t = calloc(1, sizeof(Transfer));
  if (t != NULL)
    t->refs = 1;
  return t;
}

void transfer_free (Transfer *t) {
  if (t == NULL)
    return;
  terms_release(t->terms);
  free(t->method);
  free(t->url);
  curl_slist_free_all(t->headers);
  buffer_free(&t->body);
  buffer_free(&t->header_block);
  buffer_free(&t->response);
  free(t);
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
    if (value > t->terms->max_body)
      return; /* the body will run into the limit by itself */
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
  if (len > t->terms->max_headers - t->header_bytes) {
    t->limit = LIMIT_HEADERS;
    return 0;
  }
  t->header_bytes += len;
  if (t->headers_ended) {
    if (!interim(t))
      return len; /* trailers after a chunked body: nothing of ours */
    t->header_block.len = 0;
    t->headers_ended = 0;
    t->content_length = 0;
  }
  if (t->header_block.data == NULL)
    (void)buffer_reserve(&t->header_block, USUAL_HEADERS); /* spares growing */
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
  if (len > t->terms->max_body - t->response.len) {
    t->limit = LIMIT_BODY;
    return 0;
  }
  /* The announced length, once: growing step by step would copy a large body
  ** several times and leave a third of it unused. */
  if (t->response.data == NULL && t->content_length > len &&
      t->content_length <= t->terms->max_body)
    (void)buffer_reserve(&t->response, t->content_length);
  if (buffer_append(&t->response, bytes, len) != 0) {
    t->limit = LIMIT_MEMORY;
    return 0;
  }
  return len;
}

/* What libcurl has written, requests to a proxy included. */
static long bytes_written (CURL *easy) {
  long bytes = 0;
  curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &bytes);
  return bytes;
}

#if HAVE_CURL_PREREQ
/*
** libcurl sends a request again by itself when a kept connection turns out to
** be dead after the request went out. The server may have acted on it, so a
** call that is not safe to repeat ends here instead.
*/
static int on_request (void *arg, char *remote_ip, char *local_ip,
                       int remote_port, int local_port) {
  Transfer *t = arg;
  (void)remote_ip;
  (void)local_ip;
  (void)remote_port;
  if (t->requests_begun++ == 0) {
    t->bytes_before = bytes_written(t->easy);
    t->stale = t->kept != NULL && kept_is_stale(t->kept, local_port);
    if (t->stale)
      return CURL_PREREQFUNC_ABORT; /* the pool starts it anew */
  } else if (t->once && bytes_written(t->easy) > t->bytes_before) {
    return CURL_PREREQFUNC_ABORT;
  }
  return CURL_PREREQFUNC_OK;
}
#endif

/* }================================================================= */

int transfer_prepare (CURL *easy) {
  CURLcode c = CURLE_OK;
#define SET(option, value)                                                     \
  do {                                                                         \
    if (c == CURLE_OK)                                                         \
      c = curl_easy_setopt(easy, option, value);                               \
  } while (0)
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_PATH_AS_IS, 1L);
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_MAXAGE_CONN, IDLE_CONNECTION_SECONDS);
  SET(CURLOPT_TCP_KEEPALIVE, 1L);
  SET(CURLOPT_ACCEPT_ENCODING, ""); /* whatever libcurl can undo */
  SET(CURLOPT_HEADERFUNCTION, transfer_on_header);
  SET(CURLOPT_WRITEFUNCTION, transfer_on_body);
#if HAVE_CURL_PROTOCOLS_STR
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
  SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if HAVE_CURL_QUICK_EXIT
  SET(CURLOPT_QUICK_EXIT, 1L); /* never wait for a resolver thread */
#endif
#if HAVE_CURL_PREREQ
  SET(CURLOPT_PREREQFUNCTION, on_request);
#endif
  if (c != CURLE_OK)
    return -1;
  /* Not every libcurl is built with HTTP/2; it then stays at 1.1. */
  (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                         (long)CURL_HTTP_VERSION_2TLS);
  return 0;
}

static CURLcode apply_method (Transfer *t, CURL *easy) {
  CURLcode c = CURLE_OK;
  const char *custom = t->method;
  SET(CURLOPT_NOBODY, 0L);
  if (t->has_body) {
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDS, t->body.len > 0 ? t->body.data : "");
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.len);
    if (strcmp(t->method, "POST") == 0)
      custom = NULL;
  } else {
    SET(CURLOPT_POSTFIELDS, (char *)NULL);
    SET(CURLOPT_HTTPGET, 1L);
    if (strcmp(t->method, "HEAD") == 0)
      SET(CURLOPT_NOBODY, 1L);
    if (strcmp(t->method, "GET") == 0 || strcmp(t->method, "HEAD") == 0)
      custom = NULL;
  }
  SET(CURLOPT_CUSTOMREQUEST, custom);
  return c;
}

const struct curl_slist *transfer_lines (const Transfer *t) {
  return t->headers != NULL ? t->headers : t->terms->headers;
}

static CURLcode apply_terms (const Terms *terms, CURL *easy) {
  CURLcode c = CURLE_OK;
  SET(CURLOPT_CONNECTTIMEOUT_MS, terms->connect_timeout_ms);
  SET(CURLOPT_PROXY, terms->proxy != NULL ? terms->proxy : "");
  SET(CURLOPT_NOPROXY, terms->no_proxy != NULL ? terms->no_proxy : "");
  if (terms->ca_file != NULL) {
    SET(CURLOPT_CAINFO, terms->ca_file);
    /* libcurl keeps its parsed CA bundle for the next connection only when
    ** no CA folder is set; parsing costs 30 ms (CURLOPT_CA_CACHE_TIMEOUT). */
    SET(CURLOPT_CAPATH, (char *)NULL);
  }
  return c;
}

CURLcode transfer_apply (Transfer *t, CURL *easy, const Terms *set,
                         int64_t now_ms) {
  CURLcode c = CURLE_OK;
  int64_t left = t->timeout_ms;
  if (t->expires_ms != 0 && (left == 0 || t->expires_ms - now_ms < left))
    left = t->expires_ms > now_ms ? t->expires_ms - now_ms : 1;
  SET(CURLOPT_PRIVATE, t);
  SET(CURLOPT_HEADERDATA, t);
  SET(CURLOPT_WRITEDATA, t);
  SET(CURLOPT_ERRORBUFFER, t->errbuf);
  SET(CURLOPT_URL, t->url);
  /* Rather one HTTP/2 connection than eight. Over plain HTTP, which is never
  ** HTTP/2 here, libcurl would wait for the whole first answer. */
  SET(CURLOPT_PIPEWAIT, strncasecmp(t->url, "https:", 6) == 0 ? 1L : 0L);
  SET(CURLOPT_HTTPHEADER, transfer_lines(t));
  SET(CURLOPT_TIMEOUT_MS, (long)left);
#if HAVE_CURL_PREREQ
  SET(CURLOPT_PREREQDATA, t);
#else
  SET(CURLOPT_FRESH_CONNECT, t->once ? 1L : 0L);
#endif
  if (c == CURLE_OK)
    c = apply_method(t, easy);
  if (c == CURLE_OK && set != t->terms)
    c = apply_terms(t->terms, easy);
  return c;
}

#undef SET

void transfer_expire (Transfer *t, int64_t now_ms) {
  if (t->expires_ms <= t->made_ms)
    snprintf(t->errbuf, sizeof(t->errbuf),
             "the time was over before the request was made");
  else
    snprintf(t->errbuf, sizeof(t->errbuf),
             "timed out after %ld ms waiting for a free connection",
             (long)(now_ms - t->made_ms));
}

void transfer_harvest (Transfer *t) {
  CURL *easy = t->easy;
  curl_off_t uploaded = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &t->status);
  curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &t->http_version);
  curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
  curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &t->timings.name_lookup);
  curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &t->timings.connect);
  curl_easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &t->timings.tls);
  curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T,
                    &t->timings.first_byte);
  curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &t->timings.total);
  t->sent = bytes_written(easy) > t->bytes_before || uploaded > 0;
#if HAVE_CURL_PREREQ
  if (t->requests_begun == 0)
    t->sent = 0; /* nobody but a proxy was asked for anything */
#endif
}

CURLcode transfer_judge (Transfer *t, CURLcode code) {
  int whole = t->headers_ended && t->status >= 200;
  if (code == CURLE_OK && !whole) {
    snprintf(t->errbuf, sizeof(t->errbuf),
             "the connection ended within the headers of the answer");
    return CURLE_RECV_ERROR;
  }
  if (code == CURLE_WRITE_ERROR && t->limit == LIMIT_NONE)
    return CURLE_BAD_CONTENT_ENCODING; /* not our callback, so a decoder */
  if ((code == CURLE_OUT_OF_MEMORY || code == COMPAT_TOO_LARGE) && t->sent &&
      !t->headers_ended && t->limit == LIMIT_NONE)
    t->limit = LIMIT_HEADER_LINE;
  return code;
}

int transfer_restart (Transfer *t) {
  if (!t->stale)
    return 0;
  t->stale = 0;
  t->fresh = 1;
  t->kept = NULL;
  t->requests_begun = 0;
  t->errbuf[0] = '\0';
  return curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK;
}
