/*
** clock.h - the time on a clock that never jumps.
*/
#ifndef POSTHOG_LLM_BASE_CLOCK_H
#define POSTHOG_LLM_BASE_CLOCK_H

#include "compat.h"

#include <time.h>

#pragma GCC visibility push(hidden)

/* Seconds since some point in the past. */
static inline double clock_seconds (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#pragma GCC visibility pop

#endif
