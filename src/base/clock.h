/*
** clock.h - a monotonic clock, and durations.
*/
#ifndef POSTHOG_LLM_BASE_CLOCK_H
#define POSTHOG_LLM_BASE_CLOCK_H

#include "posix.h"

#include <stdint.h>
#include <time.h>

#pragma GCC visibility push(hidden)

/* The longest duration, eleven days: in milliseconds it fits an int. */
#define CLOCK_MAX_SECONDS 1e6

/* Seconds since some point in the past. */
static inline double clock_seconds (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The same in milliseconds. */
static inline int64_t clock_ms (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A duration in milliseconds: at least 1 if it is positive, 0 for NaN, at most
** CLOCK_MAX_SECONDS. */
static inline int64_t clock_length_ms (double seconds) {
  if (!(seconds > 0))
    return 0;
  if (seconds > CLOCK_MAX_SECONDS)
    seconds = CLOCK_MAX_SECONDS;
  return seconds < 0.001 ? 1 : (int64_t)(seconds * 1000);
}

#pragma GCC visibility pop

#endif
