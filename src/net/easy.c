/*
** easy.c - a libcurl easy handle. The pool owns it, as a spare or with its
** current transfer. Used only by the engine's thread.
*/
#include "base/posix.h"

#include "easy.h"

#include "idle.h"
#include "origin_queue.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define IDLE_CONNECTION_SECONDS 60L

#define SET(option, value)                                                     \
  do {                                                                         \
    if (c == CURLE_OK)                                                         \
      c = curl_easy_setopt(y->curl, option, value);                            \
  } while (0)

/* The bytes that libcurl has written, requests to a proxy included. */
static long bytes_written (const Easy *y) {
  long bytes = 0;
  curl_easy_getinfo(y->curl, CURLINFO_REQUEST_SIZE, &bytes);
  return bytes;
}

/* {=================================================================
** Callbacks: they run inside libcurl on the engine's thread. No Lua here.
** ================================================================== */

static size_t on_header (char *line, size_t size, size_t n, void *arg) {
  const Easy *y = arg;
  return transfer_on_header(line, size, n, y->transfer);
}

/* Whether the body is read while it arrives. Before its first byte the details
** of the response, which are final by then, are copied to the transfer. */
static int streams (const Easy *y) {
  const Transfer *t = y->transfer;
  if (t->stream && !t->streaming)
    easy_harvest(y);
  return t->stream && t->status / 100 == 2;
}

static size_t on_body (char *bytes, size_t size, size_t n, void *arg) {
  const Easy *y = arg;
  Transfer *t = y->transfer;
  if (streams(y))
    return y->deliver(t, bytes, size * n);
  return transfer_on_body(bytes, size, n, t);
}

#if HAVE_CURL_PREREQ
/*
** Called before a request is put on a connection. libcurl by itself sends a
** request again when an idle connection turns out to be dead after the request
** was sent. The server may have acted on it, so a request that is not safe to
** repeat is aborted here.
*/
static int on_request (void *arg, char *remote_ip, char *local_ip,
                       int remote_port, int local_port) {
  const Easy *y = arg;
  Transfer *t = y->transfer;
  (void)remote_ip;
  (void)local_ip;
  (void)remote_port;
  if (t->requests_begun++ == 0) {
    t->bytes_before = bytes_written(y);
    t->stale = t->idle != NULL && idle_is_stale(t->idle, local_port);
    if (t->stale)
      return CURL_PREREQFUNC_ABORT; /* the pool starts it again */
  } else if (t->once && bytes_written(y) > t->bytes_before) {
    return CURL_PREREQFUNC_ABORT;
  }
  return CURL_PREREQFUNC_OK;
}
#endif

/* }================================================================= */

static CURLcode prepare (Easy *y) {
  CURLcode c = CURLE_OK;
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_PATH_AS_IS, 1L);
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_MAXAGE_CONN, IDLE_CONNECTION_SECONDS);
  SET(CURLOPT_TCP_KEEPALIVE, 1L);
  SET(CURLOPT_ACCEPT_ENCODING, ""); /* all that libcurl can decode */
  SET(CURLOPT_CURLU, y->url);
  SET(CURLOPT_PRIVATE, y);
  SET(CURLOPT_ERRORBUFFER, y->message);
  SET(CURLOPT_HEADERFUNCTION, on_header);
  SET(CURLOPT_HEADERDATA, y);
  SET(CURLOPT_WRITEFUNCTION, on_body);
  SET(CURLOPT_WRITEDATA, y);
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
  SET(CURLOPT_PREREQDATA, y);
#endif
  if (c == CURLE_OK) /* a libcurl without HTTP/2 fails, and stays at 1.1 */
    (void)curl_easy_setopt(y->curl, CURLOPT_HTTP_VERSION,
                           (long)CURL_HTTP_VERSION_2TLS);
  return c;
}

Easy *easy_new (void) {
  Easy *y = calloc(1, sizeof(Easy));
  if (y == NULL)
    return NULL;
  y->timeout_ms = y->tls = -1;
  y->url = curl_url();
  y->curl = curl_easy_init();
  if (y->url == NULL || y->curl == NULL || prepare(y) != CURLE_OK) {
    easy_free(y);
    return NULL;
  }
  return y;
}

void easy_free (Easy *y) {
  if (y == NULL)
    return;
  curl_easy_cleanup(y->curl);
  curl_url_cleanup(y->url);
  buffer_free(&y->headers);
  request_config_release(y->config);
  free(y);
}

/* The part of a URL after scheme and authority. */
static const char *path_of (const char *url) {
  const char *authority = strstr(url, "://");
  authority = authority != NULL ? authority + 3 : url;
  return authority + strcspn(authority, "/?#");
}

/* Would libcurl send path and query unchanged? It checks other characters, and
** some versions change the case of percent-encoded ones. */
static int is_plain (const char *path) {
  const char *c;
  if (path[0] != '/')
    return 0;
  for (c = path; *c > ' ' && *c <= '~' && *c != '%' && *c != '#'; c++)
    ;
  return *c == '\0' && c[-1] != '?';
}

/* Through a plain HTTP proxy the target of a request is its whole URL. */
static int to_plain_proxy (const Transfer *t) {
  const char *proxy = t->config->proxy;
  return proxy != NULL && proxy[0] != '\0' && !t->secure;
}

static CURLcode parse (Easy *y, const char *url) {
  CURLUcode error = curl_url_set(y->url, CURLUPART_URL, url,
                                 CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME |
                                     CURLU_PATH_AS_IS);
  y->origin = NULL;
  if (error == CURLUE_OUT_OF_MEMORY)
    return CURLE_OUT_OF_MEMORY;
  return error == CURLUE_OK ? CURLE_OK : CURLE_URL_MALFORMAT;
}

/*
** Sets the URL. Of a whole one libcurl would parse path and query and encode
** them again, byte by byte, a fifth of its work for a small request. So it gets
** the origin alone, where that has changed, and the target of the request as
** the text that is to be sent. The URL is set too, for the case that libcurl
** sends the request again by itself.
*/
static CURLcode set_url (Easy *y, const Transfer *t) {
  const char *path = path_of(t->url);
  int plain = is_plain(path) && !to_plain_proxy(t);
  CURLcode c = CURLE_OK;
  if (!plain)
    c = parse(y, t->url);
  else if (y->origin != t->queue)
    c = parse(y, t->queue->origin);
  if (plain || y->targeted)
    SET(CURLOPT_REQUEST_TARGET, plain ? path : NULL);
  SET(CURLOPT_URL, t->url);
  if (c == CURLE_OK) {
    y->origin = plain ? t->queue : NULL;
    y->targeted = plain;
  }
  return c;
}

static CURLcode set_method (const Easy *y, const Transfer *t) {
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

/*
** A stream has a connection of its own, over HTTP/1.1: while Lua does not read,
** transfers on the same connection would wait too. It is requested
** uncompressed, since libcurl does not notice that a compressed body ends too
** early. The handle is not reused.
*/
static CURLcode set_stream (const Easy *y) {
  CURLcode c = CURLE_OK;
  SET(CURLOPT_FRESH_CONNECT, 1L);
  SET(CURLOPT_FORBID_REUSE, 1L);
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  SET(CURLOPT_ACCEPT_ENCODING, "identity");
  return c;
}

static CURLcode set_config (Easy *y, RequestConfig *config) {
  CURLcode c = CURLE_OK;
  if (y->config == config)
    return c;
  SET(CURLOPT_CONNECTTIMEOUT_MS, config->connect_timeout_ms);
  SET(CURLOPT_PROXY, config->proxy != NULL ? config->proxy : "");
  SET(CURLOPT_NOPROXY, config->no_proxy != NULL ? config->no_proxy : "");
  if (config->ca_file != NULL) {
    SET(CURLOPT_CAINFO, config->ca_file);
    /* libcurl keeps the parsed CA bundle for the next connection only if no
    ** CA folder is set; parsing costs 30 ms (CURLOPT_CA_CACHE_TIMEOUT). */
    SET(CURLOPT_CAPATH, (char *)NULL);
  }
  request_config_retain(config);
  request_config_release(y->config);
  y->config = config;
  return c;
}

CURLcode easy_take (Easy *y, Transfer *t, int64_t now_ms) {
  CURLcode c;
  const struct curl_slist *lines = transfer_lines(t);
  int64_t left = t->timeout_ms;
  int tls = strncasecmp(t->url, "https:", 6) == 0;
  int reads = !t->has_body && strcmp(t->method, "GET") == 0;
  t->secure = tls;
  c = set_url(y, t);
  if (t->expires_ms != 0 && (left == 0 || t->expires_ms - now_ms < left))
    left = t->expires_ms > now_ms ? t->expires_ms - now_ms : 1;
  t->left_ms = (long)left;
  if (t->stream)
    left = 0; /* the pool enforces the timeout */
  if (y->timeout_ms != left)
    SET(CURLOPT_TIMEOUT_MS, (long)left);
  /* Wait for one HTTP/2 connection instead of opening eight. Not over plain
  ** HTTP, which is never HTTP/2 here: libcurl would wait for the whole first
  ** response. */
  if (y->tls != tls)
    SET(CURLOPT_PIPEWAIT, (long)tls);
  if (y->lines == NULL || y->lines != lines)
    SET(CURLOPT_HTTPHEADER, lines);
#if !HAVE_CURL_PREREQ
  SET(CURLOPT_FRESH_CONNECT, t->once ? 1L : 0L);
#endif
  if (c == CURLE_OK && !(y->reads && reads))
    c = set_method(y, t);
  if (c == CURLE_OK)
    c = set_config(y, t->config);
  if (c == CURLE_OK && t->stream)
    c = set_stream(y);
  if (c != CURLE_OK)
    return c;
  y->timeout_ms = (long)left;
  y->tls = tls;
  y->lines = t->headers == NULL ? lines : NULL; /* its own are freed with it */
  y->reads = reads;
  y->transfer = t;
  y->message[0] = '\0';
  t->easy = y;
  if (t->header_block.data == NULL) {
    t->header_block = y->headers;
    memset(&y->headers, 0, sizeof(y->headers));
  }
  return CURLE_OK;
}

void easy_harvest (const Easy *y) {
  Transfer *t = y->transfer;
  curl_off_t uploaded = 0;
  if (y->message[0] != '\0')
    transfer_set_error(t, y->message);
  if (t->streaming)
    return; /* Lua may be reading these fields */
  curl_easy_getinfo(y->curl, CURLINFO_RESPONSE_CODE, &t->status);
  if (t->config->proxy != NULL)
    curl_easy_getinfo(y->curl, CURLINFO_HTTP_CONNECTCODE, &t->proxy_status);
  curl_easy_getinfo(y->curl, CURLINFO_HTTP_VERSION, &t->http_version);
  if (t->has_body)
    curl_easy_getinfo(y->curl, CURLINFO_SIZE_UPLOAD_T, &uploaded);
  curl_easy_getinfo(y->curl, CURLINFO_NAMELOOKUP_TIME_T,
                    &t->timings.name_lookup);
  curl_easy_getinfo(y->curl, CURLINFO_CONNECT_TIME_T, &t->timings.connect);
  curl_easy_getinfo(y->curl, CURLINFO_APPCONNECT_TIME_T, &t->timings.tls);
  curl_easy_getinfo(y->curl, CURLINFO_STARTTRANSFER_TIME_T,
                    &t->timings.first_byte);
  curl_easy_getinfo(y->curl, CURLINFO_TOTAL_TIME_T, &t->timings.total);
  t->sent = bytes_written(y) > t->bytes_before || uploaded > 0;
#if HAVE_CURL_PREREQ
  if (t->requests_begun == 0)
    t->sent = 0; /* only a request to a proxy was sent */
#endif
}

void easy_harvest_failure (const Easy *y) {
  Failure *f = &y->transfer->failure;
  f->harvested = 1;
  curl_easy_getinfo(y->curl, CURLINFO_OS_ERRNO, &f->os_error);
  curl_easy_getinfo(y->curl, CURLINFO_SSL_VERIFYRESULT, &f->verify);
  curl_easy_getinfo(y->curl, CURLINFO_PROXY_SSL_VERIFYRESULT, &f->proxy_verify);
}

/* Leaves an exact copy of the headers to the transfer, which exists until Lua
** collects it, and takes back the larger memory for the next response. */
static void reclaim_headers (Easy *y, Transfer *t) {
  Buffer memory = t->header_block;
  if (memory.size > TRANSFER_KEPT_HEADERS)
    return;
  memset(&t->header_block, 0, sizeof(t->header_block));
  if (buffer_append(&t->header_block, memory.data, memory.len) != 0) {
    t->header_block = memory;
    return;
  }
  memory.len = 0;
  y->headers = memory;
}

void easy_drop (Easy *y) {
  Transfer *t = y->transfer;
  /* Not while Lua may be reading the headers of a stream, and not when the
  ** transfer had memory of its own. */
  if (!t->stream && y->headers.data == NULL)
    reclaim_headers(y, t);
  t->easy = NULL;
  y->transfer = NULL;
}

int easy_restart (Easy *y) {
  Transfer *t = y->transfer;
  if (!t->stale)
    return 0;
  t->stale = 0;
  t->fresh = 1;
  t->idle = NULL;
  t->requests_begun = 0;
  y->message[0] = '\0';
  return curl_easy_setopt(y->curl, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK;
}
