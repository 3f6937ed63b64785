/*
** clock.h - the time on a clock that never jumps, and lengths of time.
*/
#ifndef POSTHOG_LLM_BASE_CLOCK_H
#define POSTHOG_LLM_BASE_CLOCK_H

#include "posix.h"

#include <stdint.h>
#include <time.h>

#pragma GCC visibility push(hidden)

/* Eleven days stand for ever: they fit an int as milliseconds. */
#define CLOCK_MOST_SECONDS 1e6

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

/* A length of time in milliseconds: never 0 for a positive one, 0 for what is
** not a number, at most eleven days. */
static inline int64_t clock_length_ms (double seconds) {
  if (!(seconds > 0))
    return 0;
  if (seconds > CLOCK_MOST_SECONDS)
    seconds = CLOCK_MOST_SECONDS;
  return seconds < 0.001 ? 1 : (int64_t)(seconds * 1000);
}

#pragma GCC visibility pop

#endif
