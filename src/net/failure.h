/*
** failure.h - the kind of a transfer's failure, its stage and its cause.
*/
#ifndef POSTHOG_LLM_NET_FAILURE_H
#define POSTHOG_LLM_NET_FAILURE_H

#include "transfer.h"

#pragma GCC visibility push(hidden)

/* "timeout", "decode", "tls", "too_large" or "network". */
const char *failure_kind (const Transfer *t);

/* The step of connecting that failed: "proxy", "name_lookup", "connect", "tls"
** or "certificate"; NULL: none of these. */
const char *failure_stage (const Transfer *t);

/* Would the same request fail again? */
int failure_is_permanent (const Transfer *t);

/*
** The cause, as a word: from libcurl's code and the codes of the system, the
** TLS library and a proxy. Their texts differ between versions and are not
** parsed, except for error numbers in them. NULL: only the message is known.
*/
const char *failure_cause (const Transfer *t);

#pragma GCC visibility pop

#endif
