/*
** failure.h - what kind of failure a transfer ended with, and why.
*/
#ifndef POSTHOG_LLM_NET_FAILURE_H
#define POSTHOG_LLM_NET_FAILURE_H

#include "transfer.h"

#pragma GCC visibility push(hidden)

/* "timeout", "decode", "tls", "too_large" or "network". */
const char *failure_kind (const Transfer *t);

/* On the way to the server, the step that failed: "proxy", "name_lookup",
** "connect", "tls" or "certificate"; NULL: none of them. */
const char *failure_stage (const Transfer *t);

/* Would the same request fail again? */
int failure_is_permanent (const Transfer *t);

/*
** Why, in a word: libcurl's code together with what the system, the TLS library
** and a proxy said. Their texts differ from version to version and are not
** looked at, but for the numbers in them. NULL: no more is known than the
** message.
*/
const char *failure_cause (const Transfer *t);

#pragma GCC visibility pop

#endif
