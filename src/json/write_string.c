/*
** write_string.c - the bytes of a string that JSON escapes, or that are not
** ASCII.
*/
#include "writer.h"

#include <string.h>

/*
** The character after the backslash for a quote, a backslash and the control
** characters with a short escape; 0 for the others.
*/
static const char letters[128] = {
    ['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
    ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't',
};

/* Writes a control character without a short escape. */
static char *put_control (char *out, char c) {
  static const char hex[] = "0123456789abcdef";
  memcpy(out, "\\u00", 4);
  out[4] = hex[(unsigned char)c >> 4];
  out[5] = hex[c & 15];
  return out + 6;
}

static inline char *put_escape (char *out, char c) {
  char letter = letters[(unsigned char)c];
  if (letter == 0)
    return put_control(out, c);
  out[0] = '\\';
  out[1] = letter;
  return out + 2;
}

/* Copies characters that are not ASCII; NULL for invalid UTF-8. */
static inline char *put_utf8 (char *out, const char **p, const char *end) {
  const char *s = *p;
  int n;
  do {
    if ((n = utf8_sequence(s, end)) == 0)
      return NULL;
    if (end - s >= 4)
      memcpy(out, s, 4);
    else
      memcpy(out, s, (size_t)n);
    out += n;
    s += n;
  } while (s < end && (unsigned char)*s >= 0x80);
  *p = s;
  return out;
}

#if defined(SCAN_WINDOW)

/* The most bytes of a window as it is written, and a copy of one behind. */
#define WINDOW_SIZE (7 * SCAN_WINDOW)

/* Writes the window at s, of whose bytes `ends` has a bit for each to escape.
 */
static inline char *put_window (char *out, const char *s, uint64_t ends) {
  const char *from = s, *at;
  for (; ends != 0; ends &= ends - 1) {
    at = s + __builtin_ctzll(ends);
    scan_copywindow(out, from);
    out = put_escape(out + (at - from), *at);
    from = at + 1;
  }
  scan_copywindow(out, from);
  return out + (s + SCAN_WINDOW - from);
}

/*
** Writes n windows of the string at *p, the last of which may reach beyond its
** end, by spaces. Stops before one with UTF-8 that scan_windowutf8 leaves to
** utf8_sequence: *until is its end.
*/
static char *put_each (Writer *w, char *out, const char **p, const char *end,
                       size_t n, const char **until) {
  const char *s = *p;
  unsigned due = 0;
  for (; n > 0; n--, s += SCAN_WINDOW) {
    uint64_t high, ends = scan_window(s, &high);
    unsigned len = end - s < SCAN_WINDOW ? (unsigned)(end - s) : SCAN_WINDOW;
    if (!scan_windowutf8(s, high, len, &due)) {
      *until = s + SCAN_WINDOW;
      break;
    }
    out = put_window(room(w, out, WINDOW_SIZE), s, ends);
  }
  if (s > end) {
    out -= s - end;
    s = end;
  }
  if (due != 0) { /* the character before s is not complete */
    out -= s - scan_back(s);
    s = scan_back(s);
  }
  *p = s;
  return out;
}

/* The fewest bytes for which windows are faster than what copies blocks. */
#define MIN_END 16

/*
** Writes the string at *p by windows. Where fewer bytes than two of them are
** left, which put_window would read past, it writes a copy with spaces after
** it. If it does not get to the end, what is before *until is not for windows.
*/
static char *put_windows (Writer *w, char *out, const char **p, const char *end,
                          const char **until) {
  char copy[4 * SCAN_WINDOW];
  const char *s = copy, *stop = NULL;
  size_t left = (size_t)(end - *p);
  if (left >= 2 * SCAN_WINDOW) {
    out = put_each(w, out, p, end, left / SCAN_WINDOW - 1, until);
    left = (size_t)(end - *p);
  }
  if (*p < *until || left < MIN_END)
    return out;
  memcpy(copy, *p, left);
  memset(copy + left, ' ', SCAN_WINDOW);
  out = put_each(w, out, &s, copy + left,
                 (left + SCAN_WINDOW - 1) / SCAN_WINDOW, &stop);
  *p += s - copy;
  if (stop != NULL)
    *until = end;
  return out;
}

#else

static inline char *put_windows (Writer *w, char *out, const char **p,
                                 const char *end, const char **until) {
  (void)w, (void)p, (void)end, (void)until;
  return out;
}

#endif

char *json_putspecial (Writer *w, char *out, const char *s, const char *end) {
  const char *stop, *until = s;
  while (s < end) {
    if (s >= until)
      out = put_windows(w, out, &s, end, &until);
    if (s == end)
      break;
    if (w->end - out < end - s + 32)
      out = json_grow(w, out, (size_t)(end - s) + (size_t)(end - s) / 4 + 64);
    stop = scan_copyblocks(out, s, end, end);
    out += stop - s;
    s = stop;
    if (s == end)
      break;
    if ((unsigned char)*s >= 0x80) {
      if ((out = put_utf8(out, &s, end)) == NULL)
        return NULL;
    } else if (scan_special(*s)) {
      out = put_escape(out, *s++);
    } else { /* the last bytes, or bytes that scan_copyblocks left */
      stop = scan_copy(out, s, end);
      out += stop - s;
      s = stop;
    }
  }
  out = room(w, out, SPARE + 1);
  *out++ = '"';
  return out;
}
