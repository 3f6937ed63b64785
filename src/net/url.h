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

#pragma GCC visibility pop

#endif
