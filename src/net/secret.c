/*
** secret.c - finds a secret in a text. Has no state: any thread may call it.
*/
#include "base/posix.h"

#include "secret.h"

#include <string.h>

static int hex_digit (char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *skip_zeros (const char *p, const char *end) {
  while (p < end && *p == '0')
    p++;
  return p;
}

/* Reads two hexadecimal digits and moves *s after them; -1: there are none. */
static int two_digits (const char **s, const char *end) {
  const char *p = *s;
  int high, low;
  if (end - p < 2)
    return -1;
  high = hex_digit(p[0]);
  low = hex_digit(p[1]);
  if (high < 0 || low < 0)
    return -1;
  *s = p + 2;
  return high << 4 | low;
}

/* Reads the number after "&#", with its semicolon; -1: there is none. */
static int html_number (const char **s, const char *end) {
  const char *p = *s;
  int c = 0, digits = 0;
  if (p < end && (*p == 'x' || *p == 'X')) {
    p = skip_zeros(p + 1, end);
    c = two_digits(&p, end);
  } else {
    for (p = skip_zeros(p, end); p < end && *p >= '0' && *p <= '9'; p++) {
      if (++digits > 3)
        return -1;
      c = c * 10 + (*p - '0');
    }
  }
  if (p == end || *p != ';')
    return -1;
  *s = p + 1;
  return c;
}

static int is_punctuation (char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') ||
         (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

/* Reads the escape at *s and moves *s after it; -1: there is none. */
static int unescape (const char **s, const char *end) {
  const char *p = *s;
  size_t left = (size_t)(end - p);
  int c = -1;
  if (left < 2)
    return -1;
  if (p[0] == '%') {
    p += 1;
    c = two_digits(&p, end);
  } else if (left >= 6 && memcmp(p, "\\u00", 4) == 0) {
    p += 4;
    c = two_digits(&p, end);
  } else if (p[0] == '\\' && p[1] == 'x') {
    p += 2;
    c = two_digits(&p, end);
  } else if (p[0] == '\\' && is_punctuation(p[1])) {
    c = (unsigned char)p[1];
    p += 2;
  } else if (p[0] == '&' && p[1] == '#') {
    p += 2;
    c = html_number(&p, end);
  }
  if (c >= 0)
    *s = p;
  return c;
}

const char *secret_after (const char *s, const char *end, const char *secret,
                          size_t n) {
  for (; n > 0; n--, secret++) {
    if (s == end)
      return NULL;
    if (*s == *secret)
      s++;
    else if (unescape(&s, end) != (unsigned char)*secret)
      return NULL;
  }
  return s;
}

/* Searches at each byte `first`, with which an occurrence may begin. */
static int found_from (const char *s, const char *end, int first,
                       const char *secret, size_t n) {
  for (; (s = memchr(s, first, (size_t)(end - s))) != NULL; s++) {
    if (secret_after(s, end, secret, n) != NULL)
      return 1;
  }
  return 0;
}

int secret_found (const char *s, size_t len, const char *secret, size_t n) {
  const char *end = s + len;
  return n == 0 || found_from(s, end, secret[0], secret, n) ||
         found_from(s, end, '%', secret, n) ||
         found_from(s, end, '\\', secret, n) ||
         found_from(s, end, '&', secret, n);
}

const char *secret_next (const char *s, size_t len, const char *secret,
                         size_t n, const char **after) {
  const char *end = s + len;
  for (; s < end; s++) {
    *after = secret_after(s, end, secret, n);
    if (*after != NULL)
      return s;
  }
  return NULL;
}
