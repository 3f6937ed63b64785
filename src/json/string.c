/*
** string.c - reads strings: those with escapes are decoded into the scratch
** memory of the cache, the others are used in place.
*/
#include "reader.h"

static void grow_scratch (Reader *r, size_t used, size_t size) {
  Cache *c = r->cache;
  char *grown;
  if (size < 2 * c->size)
    size = 2 * c->size;
  if (size < 1024)
    size = 1024;
  grown = lua_newuserdata(r->L, size);
  if (used > 0)
    memcpy(grown, c->scratch, used);
  lua_rawseti(r->L, r->base + NAMES, SCRATCH); /* the old one is garbage now */
  c->scratch = grown;
  c->size = size;
}

/* The value of a hexadecimal digit, plus DIGIT; 0: none. */
#define DIGIT 16
static const unsigned char digits[256] = {
    ['0'] = 16, ['1'] = 17, ['2'] = 18, ['3'] = 19, ['4'] = 20, ['5'] = 21,
    ['6'] = 22, ['7'] = 23, ['8'] = 24, ['9'] = 25, ['a'] = 26, ['b'] = 27,
    ['c'] = 28, ['d'] = 29, ['e'] = 30, ['f'] = 31, ['A'] = 26, ['B'] = 27,
    ['C'] = 28, ['D'] = 29, ['E'] = 30, ['F'] = 31,
};

/* Four hexadecimal digits, or -1. */
static inline int read_hex (const char *p, const char *end) {
  int a, b, c, d;
  if (end - p < 4)
    return -1;
  a = digits[(unsigned char)p[0]];
  b = digits[(unsigned char)p[1]];
  c = digits[(unsigned char)p[2]];
  d = digits[(unsigned char)p[3]];
  if ((a & b & c & d & DIGIT) == 0)
    return -1;
  return (a - DIGIT) << 12 | (b - DIGIT) << 8 | (c - DIGIT) << 4 | (d - DIGIT);
}

static char *put_utf8 (char *out, unsigned long c) {
  if (c < 0x80) {
    *out++ = (char)c;
  } else if (c < 0x800) {
    *out++ = (char)(0xC0 | (c >> 6));
    *out++ = (char)(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    *out++ = (char)(0xE0 | (c >> 12));
    *out++ = (char)(0x80 | ((c >> 6) & 0x3F));
    *out++ = (char)(0x80 | (c & 0x3F));
  } else {
    *out++ = (char)(0xF0 | (c >> 18));
    *out++ = (char)(0x80 | ((c >> 12) & 0x3F));
    *out++ = (char)(0x80 | ((c >> 6) & 0x3F));
    *out++ = (char)(0x80 | (c & 0x3F));
  }
  return out;
}

/* Reads the escape \uXXXX at p; of a surrogate pair, both. */
static const char *read_unicode (Reader *r, const char *p, char **out) {
  const char *lone = "lone surrogate in an escape";
  int high = read_hex(p + 2, r->end), low;
  unsigned long c = (unsigned long)high;
  if (high < 0)
    return json_fail(r, p, "\\u needs four hexadecimal digits");
  if (high >= 0xDC00 && high <= 0xDFFF)
    return json_fail(r, p, lone);
  if (high >= 0xD800 && high <= 0xDBFF) {
    if (r->end - p < 12 || p[6] != '\\' || p[7] != 'u')
      return json_fail(r, p, lone);
    low = read_hex(p + 8, r->end);
    if (low < 0xDC00 || low > 0xDFFF)
      return json_fail(r, p, lone);
    c = 0x10000 + ((c - 0xD800) << 10) + ((unsigned long)low - 0xDC00);
    p += 6;
  }
  *out = put_utf8(*out, c);
  return p + 6;
}

/* The character of an escape, by the byte after the backslash; 0: none. */
static const char escapes[256] = {
    ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

/* Writes the character of the escape at p; returns the position after it. */
static inline const char *read_escape (Reader *r, const char *p, char **out) {
  char c;
  if (p + 1 == r->end)
    return json_fail(r, p + 1, "unterminated string");
  if ((c = escapes[(unsigned char)p[1]]) != 0) {
    *(*out)++ = c;
    return p + 2;
  }
  if (p[1] == 'u')
    return read_unicode(r, p, out);
  return json_fail(r, p, "invalid escape");
}

/* Copies characters that are not ASCII, as long as one begins before stop. */
static inline const char *copy_utf8 (Reader *r, const char *p, const char *stop,
                                     char **out) {
  const char *end = r->end;
  int n;
  do {
    if ((n = utf8_sequence(p, end)) == 0)
      return json_fail(r, p, "invalid UTF-8");
    if (end - p >= 4)
      memcpy(*out, p, 4);
    else
      memcpy(*out, p, (size_t)n);
    *out += n;
    p += n;
  } while (p < stop && (unsigned char)*p >= 0x80);
  return p;
}

/* The position up to which `room` bytes of scratch are enough from p. */
#define SPARE 192
static inline const char *within (const char *p, const char *end, size_t room) {
  return (size_t)(end - p) > room - SPARE ? p + (room - SPARE) : end;
}

/* Makes room for a next part of a string; returns the position up to which it
** is enough. */
static const char *make_room (Reader *r, const char *p, char **out) {
  Cache *c = r->cache;
  size_t used = (size_t)(*out - c->scratch);
  if (c->size - used < 2 * SPARE)
    grow_scratch(r, used, used + 2 * SPARE);
  *out = c->scratch + used;
  return within(p, r->end, c->size - used);
}

/* Reads what is next at p, neither the end of the text nor of the string: an
** escape or a run of characters. */
static const char *read_part (Reader *r, const char *p, const char *stop,
                              char **out) {
  const char *next;
  if (*p == '\\')
    return read_escape(r, p, out);
  if ((unsigned char)*p >= 0x80)
    return copy_utf8(r, p, stop, out);
  if ((unsigned char)*p < 0x20)
    return json_fail(r, p, "control character in a string");
  if (p >= stop)
    return p; /* needs more room */
  next = scan_copy(*out, p, stop);
  *out += next - p;
  return next;
}

#if defined(SCAN_WINDOW)

/* The bytes of text from a window on: it, the longest escape at its end, and a
** copy of a window from there. */
#define WINDOW_REACH (2 * SCAN_WINDOW + 12)

/*
** Decodes the window at p, of whose bytes `ends` has a bit for each quote,
** backslash and control. Returns the position after it, or of the first quote
** or control in it.
*/
static inline const char *read_window (Reader *r, const char *p, uint64_t ends,
                                       char **out) {
  const char *from = p, *stop = p + SCAN_WINDOW;
  char *to = *out; /* in a register: its address is not taken */
  while (ends != 0) {
    int n = __builtin_ctzll(ends);
    const char *at = p + n;
    char c;
    scan_copywindow(to, from);
    to += at - from;
    if (*at != '\\') {
      *out = to;
      return at;
    }
    if ((c = escapes[(unsigned char)at[1]]) != 0) {
      *to++ = c;
      from = at + 2;
      ends &= ~((uint64_t)3 << n);
    } else {
      *out = to;
      if ((from = read_escape(r, at, out)) == NULL || from >= stop)
        return from;
      to = *out;
      ends &= ~(uint64_t)0 << (from - p);
    }
  }
  if (from > stop) { /* by the second byte of an escape */
    *out = to;
    return from;
  }
  scan_copywindow(to, from);
  *out = to + (stop - from);
  return stop;
}

/*
** Decodes windows while p < stop. Stops where fewer bytes are left than one
** takes; at a quote, a control, or an error; and before a window with UTF-8
** that scan_windowutf8 leaves to utf8_sequence: then *until is its end.
*/
static const char *read_windows (Reader *r, const char *p, const char *stop,
                                 char **out, const char **until) {
  unsigned due = 0;
  while (p < stop && r->end - p >= WINDOW_REACH) {
    char *first = *out;
    uint64_t high, ends = scan_window(p, &high);
    const char *next = read_window(r, p, ends, out);
    size_t len = (size_t)((next != NULL ? next : r->blame) - p);
    if (!scan_windowutf8(p, high, len < SCAN_WINDOW ? len : SCAN_WINDOW,
                         &due)) {
      *until = p + SCAN_WINDOW;
      *out = first;
      break;
    }
    if (next == NULL || len < SCAN_WINDOW)
      return next;
    p = next;
  }
  if (due != 0) { /* the character before p is not complete */
    *out -= p - scan_back(p);
    p = scan_back(p);
  }
  return p;
}

#else

static inline const char *read_windows (Reader *r, const char *p,
                                        const char *stop, char **out,
                                        const char **until) {
  (void)r, (void)stop, (void)out, (void)until;
  return p;
}

#endif

/*
** Decodes a string with escapes into scratch; its bytes from s to p are plain.
** Nothing takes more bytes decoded than in the text, so room is made in advance
** for the bytes up to `stop`, and SPARE bytes for what copies more than that.
*/
static const char *read_escaped (Reader *r, const char *s, const char *p,
                                 size_t *len) {
  const char *end = r->end, *stop = p, *until = p, *next;
  size_t used = (size_t)(p - s);
  char *out;
  if (r->cache->size < used + 2 * SPARE)
    grow_scratch(r, 0, used + 2 * SPARE);
  out = r->cache->scratch;
  memcpy(out, s, used);
  out += used;
  for (;;) {
    if (p >= stop)
      stop = make_room(r, p, &out);
    if (p >= until && (p = read_windows(r, p, stop, &out, &until)) == NULL)
      return NULL;
    next = scan_copyblocks(out, p, stop, end);
    out += next - p;
    p = next;
    if (p == end)
      return json_fail(r, p, "unterminated string");
    if (*p == '"')
      break;
    if ((p = read_part(r, p, stop, &out)) == NULL)
      return NULL;
  }
  *len = (size_t)(out - r->cache->scratch);
  return p + 1;
}

const char *json_readstring (Reader *r, const char *s, const char *p,
                             const char **bytes, size_t *len) {
  const char *end = r->end;
  int n;
  for (;;) {
    p = scan_blocks(p, end);
    if (p == end)
      return json_fail(r, p, "unterminated string");
    if (*p == '"') {
      *bytes = s;
      *len = (size_t)(p - s);
      return p + 1;
    }
    if (*p == '\\') {
      p = read_escaped(r, s, p, len);
      *bytes = r->cache->scratch;
      return p;
    }
    if ((unsigned char)*p < 0x20)
      return json_fail(r, p, "control character in a string");
    p = scan_plain(p, end);
    while (p < end && (unsigned char)*p >= 0x80) {
      if ((n = utf8_sequence(p, end)) == 0)
        return json_fail(r, p, "invalid UTF-8");
      p += n;
    }
  }
}
