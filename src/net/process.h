/*
** process.h - initialisation once per process, and detection of forks.
*/
#ifndef POSTHOG_LLM_NET_PROCESS_H
#define POSTHOG_LLM_NET_PROCESS_H

#include "curl_compat.h"

#pragma GCC visibility push(hidden)

/* The number of forks between the first process and this one: getpid would cost
** a system call for each use of a handle. Read-only for other files. */
extern volatile unsigned process_forks;

/* Initialises once per process; what failed is tried again by the next call.
** From then on in_child is called in a child after a fork, and at_exit before
** the process ends. It is never undone: other code may use libcurl. */
CURLcode process_init (void (*in_child)(void), void (*at_exit)(void));

#pragma GCC visibility pop

#endif
