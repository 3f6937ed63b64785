/*
** wakeup.h - a descriptor that one thread makes readable for another.
*/
#ifndef POSTHOG_LLM_NET_WAKEUP_H
#define POSTHOG_LLM_NET_WAKEUP_H

#pragma GCC visibility push(hidden)

typedef struct Wake {
  int reader; /* readable from wake_signal until wake_clear; -1: it is
                 somebody else who reads what wake_signal writes */
  int writer; /* the same descriptor as reader where the system has eventfd */
} Wake;

int wake_open (Wake *w); /* 0, or -1 with errno set; -1 in both on failure */
void wake_signal (const Wake *w);
void wake_clear (const Wake *w);
void wake_close (Wake *w); /* safe to repeat */

#pragma GCC visibility pop

#endif
