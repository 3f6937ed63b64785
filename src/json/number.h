/*
** number.h - numbers to text and back: exact, and the same in every
** locale.
*/
#ifndef POSTHOG_LLM_JSON_NUMBER_H
#define POSTHOG_LLM_JSON_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* Room for printing a number, scratch after it included; no zero byte. */
#define JSON_NUMBER_SIZE 48

/*
** The double nearest to a number literal, sign left out (ties to even, may be
** infinite). `digits` holds its first 19 significant digits or fewer, `power`
** the power of ten they count in, `more` whether digits other than zero were
** left off. The literal itself, [s, end), is looked at only where these
** cannot decide.
*/
double json_nearest (uint64_t digits, int64_t power, int more, const char *s,
                     const char *end);

/* The same for a whole literal of valid syntax, with its sign. */
double json_parsefloat (const char *s, const char *end);

/* Exact comparison of a literal's absolute value with digits * 2^exponent;
** neither is zero. */
int json_comparefloat (const char *s, const char *end, uint64_t digits,
                       int exponent);

/* The shortest text that reads back as d (finite); always looks like a float:
** has a point or an exponent. Returns its length. */
size_t json_printfloat (char *out, double d);
size_t json_printinteger (char *out, int64_t n);

#pragma GCC visibility pop

#endif
