/*
** number.h - conversion of numbers to text and back: exact, and independent of
** the locale.
*/
#ifndef POSTHOG_LLM_JSON_NUMBER_H
#define POSTHOG_LLM_JSON_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* Bytes for printing a number, with scratch space after it; no zero byte. */
#define JSON_NUMBER_SIZE 48

/*
** The double nearest to a number literal without its sign (ties to even, may
** be infinite). `digits` has its first significant digits, at most 19, `power`
** the power of ten of the last of them, `more` whether nonzero digits were left
** out. The literal itself, [s, end), is read only when these cannot decide.
*/
double json_nearest (uint64_t digits, int64_t power, int more, const char *s,
                     const char *end);

/* The same for a complete literal of valid syntax, with its sign. */
double json_parsefloat (const char *s, const char *end);

/* Exact comparison of a literal's absolute value with digits * 2^exponent;
** neither is zero. */
int json_comparefloat (const char *s, const char *end, uint64_t digits,
                       int exponent);

/* Writes the shortest text that reads back as d, which is finite. It has a
** point or an exponent, so that it reads as a float. Returns its length. */
size_t json_printfloat (char *out, double d);
size_t json_printinteger (char *out, int64_t n);

#pragma GCC visibility pop

#endif
