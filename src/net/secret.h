/*
** secret.h - finds a secret in a text of a server, also if some of its
** characters are escaped, as in URLs (%5F), in JSON and JavaScript (\u005f,
** \x5f, \/) and in HTML (&#95;, &#x5f;).
*/
#ifndef POSTHOG_LLM_NET_SECRET_H
#define POSTHOG_LLM_NET_SECRET_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

/* The position after the secret, if s begins with it; else NULL. */
const char *secret_after (const char *s, const char *end, const char *secret,
                          size_t n);

/* Does s contain the secret (n bytes, at least 1)? */
int secret_found (const char *s, size_t len, const char *secret, size_t n);

/* The first occurrence, or NULL; *after is the position after it. Examines each
** byte: slow, so for texts in which secret_found has found the secret. */
const char *secret_next (const char *s, size_t len, const char *secret,
                         size_t n, const char **after);

#pragma GCC visibility pop

#endif
