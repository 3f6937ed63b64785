/*
** secret.h - finds a secret in what a server said, also where some of its
** characters are escaped, as in URLs (%5F), in JSON and JavaScript (\u005f,
** \x5f, \/) and in HTML (&#95;, &#x5f;).
*/
#ifndef POSTHOG_LLM_NET_SECRET_H
#define POSTHOG_LLM_NET_SECRET_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

/* What follows the secret that s begins with; NULL: it begins with none. */
const char *secret_after (const char *s, const char *end, const char *secret,
                          size_t n);

/* Is the secret (n bytes, not none) somewhere in s? */
int secret_found (const char *s, size_t len, const char *secret, size_t n);

/* Where it stands first, NULL: nowhere; *after is what follows it. Looks at
** each byte, so it is for texts that secret_found has found it in. */
const char *secret_next (const char *s, size_t len, const char *secret,
                         size_t n, const char **after);

#pragma GCC visibility pop

#endif
