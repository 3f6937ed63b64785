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

/* Four hexadecimal digits, or -1. */
static int read_hex (const char *p, const char *end) {
  int value = 0, i;
  if (end - p < 4)
    return -1;
  for (i = 0; i < 4; i++) {
    int c = (unsigned char)p[i];
    if (c >= '0' && c <= '9')
      c -= '0';
    else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
      c = (c | 0x20) - 'a' + 10;
    else
      return -1;
    value = value * 16 + c;
  }
  return value;
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
#define SPARE 32
static inline const char *within (const char *p, const char *end, size_t room) {
  return (size_t)(end - p) > room - SPARE ? p + (room - SPARE) : end;
}

/*
** Decodes a string with escapes into scratch; its bytes from s to p are plain.
** Nothing takes more bytes decoded than in the text, so room is made in advance
** for the bytes up to `stop`, and SPARE bytes for scan_copy and the last
** character.
*/
static const char *read_escaped (Reader *r, const char *s, const char *p,
                                 size_t *len) {
  const char *end = r->end, *stop = p, *next;
  size_t used = (size_t)(p - s);
  char *out;
  if (r->cache->size < used + 2 * SPARE)
    grow_scratch(r, 0, used + 2 * SPARE);
  out = r->cache->scratch;
  memcpy(out, s, used);
  out += used;
  for (;;) {
    if (p >= stop) {
      used = (size_t)(out - r->cache->scratch);
      if (r->cache->size - used < 2 * SPARE)
        grow_scratch(r, used, used + 2 * SPARE);
      out = r->cache->scratch + used;
      stop = within(p, end, r->cache->size - used);
    }
    next = scan_copyblocks(out, p, stop, end);
    out += next - p;
    p = next;
    if (p == end)
      return json_fail(r, p, "unterminated string");
    if (*p == '\\') {
      p = read_escape(r, p, &out);
    } else if (*p == '"') {
      break;
    } else if ((unsigned char)*p >= 0x80) {
      p = copy_utf8(r, p, stop, &out);
    } else if ((unsigned char)*p < 0x20) {
      return json_fail(r, p, "control character in a string");
    } else if (p < stop) {
      next = scan_copy(out, p, stop);
      out += next - p;
      p = next;
    }
    if (p == NULL)
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
