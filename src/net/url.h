/*
** url.h - URLs: percent-encoding (RFC 3986), and the parts of one.
*/
#ifndef POSTHOG_LLM_NET_URL_H
#define POSTHOG_LLM_NET_URL_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

/* How many bytes the text takes when it is escaped; len: it stays as it is.
** Unreserved bytes stay, and "/" where keep_slash is true. */
size_t url_escaped_length (const char *s, size_t len, int keep_slash);

/* Writes these bytes to out: every other one of the text becomes %XX. */
void url_escape (char *out, const char *s, size_t len, int keep_slash);

/* The bytes of scheme://authority at the start of a URL, all of it if there is
** no authority. */
size_t url_origin_length (const char *url);

/* Whom a URL reaches, as libcurl's own parser reads it, which is the one that
** connects. Both texts are the caller's, until url_address_free. */
typedef struct UrlAddress {
  char *host; /* an IPv6 address with its brackets */
  char *port; /* the scheme's, if the URL names none */
} UrlAddress;

typedef enum UrlProblem {
  URL_FINE,
  URL_NO_HOST,
  URL_BAD_HOST,
  URL_BAD_PORT,
  URL_NO_MEMORY
} UrlProblem;

UrlProblem url_address (const char *url, UrlAddress *into);
void url_address_free (UrlAddress *address); /* again is fine */

#pragma GCC visibility pop

#endif
