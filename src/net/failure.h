/*
** failure.h - what kind of failure a transfer ended with, by libcurl's code.
*/
#ifndef POSTHOG_LLM_NET_FAILURE_H
#define POSTHOG_LLM_NET_FAILURE_H

#include "transfer.h"

#pragma GCC visibility push(hidden)

/* "timeout", "decode", "tls", "too_large" or "network". */
const char *failure_kind (const Transfer *t);

/* Would the same request fail again? */
int failure_is_permanent (const Transfer *t);

#pragma GCC visibility pop

#endif
