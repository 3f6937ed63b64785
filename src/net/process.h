/*
** process.h - what is set up once in a process, and that it has forked.
*/
#ifndef POSTHOG_LLM_NET_PROCESS_H
#define POSTHOG_LLM_NET_PROCESS_H

#include "curl_compat.h"

#pragma GCC visibility push(hidden)

/* Counts the forks between the first process and this one: getpid would cost
** a system call wherever a handle is used. Read it only. */
extern volatile unsigned process_forks;

/* Once in a process, and what failed once more by the next call. From then on
** in_child is called in a child after a fork, at_exit before the process ends.
** It is never undone: others in the process may use libcurl. */
CURLcode process_init (void (*in_child)(void), void (*at_exit)(void));

#pragma GCC visibility pop

#endif
