/*
** wakeup.h - a descriptor that one thread makes readable for another.
*/
#ifndef POSTHOG_LLM_NET_WAKEUP_H
#define POSTHOG_LLM_NET_WAKEUP_H

#pragma GCC visibility push(hidden)

typedef struct Wakeup {
  int reader; /* readable from wakeup_signal until wakeup_clear; -1: the host
                 reads what wakeup_signal writes */
  int writer; /* the same descriptor as reader if the system has eventfd */
} Wakeup;

/* 0, or -1 with errno set and -1 in both. */
int wakeup_open (Wakeup *w);
void wakeup_signal (const Wakeup *w);
void wakeup_clear (const Wakeup *w);
void wakeup_close (Wakeup *w); /* may be called again */

#pragma GCC visibility pop

#endif
