/*
** url.h - percent-encoding (RFC 3986), and the origin and address of a URL.
*/
#ifndef POSTHOG_LLM_NET_URL_H
#define POSTHOG_LLM_NET_URL_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

/* The length of the text when it is escaped; len: it needs no escapes.
** Unreserved bytes are kept, and with keep_slash also "/". */
size_t url_escaped_length (const char *s, size_t len, int keep_slash);

/* Writes the escaped text to out: every other byte becomes %XX. */
void url_escape (char *out, const char *s, size_t len, int keep_slash);

/* The length of scheme://authority at the start of a URL; of the whole URL, if
** it has no authority. */
size_t url_origin_length (const char *url);

/* Host and port of a URL by libcurl's parser, since libcurl connects. The
** caller owns both texts and frees them by url_address_free. */
typedef struct UrlAddress {
  char *host; /* an IPv6 address with its brackets */
  char *port; /* the default of the scheme, if the URL has none */
} UrlAddress;

typedef enum UrlProblem {
  URL_FINE,
  URL_NO_HOST,
  URL_BAD_HOST,
  URL_BAD_PORT,
  URL_NO_MEMORY
} UrlProblem;

UrlProblem url_address (const char *url, UrlAddress *into);
void url_address_free (UrlAddress *address); /* may be called again */

#pragma GCC visibility pop

#endif
