/*
** scan.h - scans and copies the bytes of strings, 16 at a time where it can.
** Nothing here reads or writes outside the given memory.
*/
#ifndef POSTHOG_LLM_JSON_SCAN_H
#define POSTHOG_LLM_JSON_SCAN_H

#include "block.h"

#include <stddef.h>

#pragma GCC visibility push(hidden)

/* Is a byte special: a quote, a backslash, a control, or not ASCII? */
static inline int scan_special (char c) {
  unsigned char u = (unsigned char)c;
  return u < 0x20 || u >= 0x80 || u == '"' || u == '\\';
}

#if HAVE_BLOCKS

/* A bit for each special byte; the first byte has the lowest bit. */
static inline unsigned scan_mask (Block x) {
  Block special =
      block_or(block_equal(x, block_of('"')), block_equal(x, block_of('\\')));
  /* as signed bytes, those that are not ASCII are also below 0x20 */
  special = block_or(special, block_above(block_of(0x20), x));
  return block_bits(special);
}

/* A bit for each byte that is equal in both. */
static inline unsigned scan_equal (const char *a, const char *b) {
  Block x = block_load(a);
  Block y = block_load(b);
  return block_bits(block_equal(x, y));
}

/* A bit for each byte that ends a run of plain characters: quote, backslash,
** control. */
static inline unsigned scan_ends (Block x) {
  Block ends =
      block_or(block_equal(x, block_of('"')), block_equal(x, block_of('\\')));
  Block low = block_atmost(x, block_of(0x1F));
  return block_bits(block_or(ends, low));
}

/* The bytes that begin a character whose second byte is restricted, or that has
** four bytes, or that begin none. */
static inline Block scan_other (Block x) {
  return block_or(
      block_or(block_equal(x, block_of(0xE0)), block_equal(x, block_of(0xED))),
      block_or(block_atmost(block_of(0xF0), x),
               block_equal(block_and(x, block_of(0xFE)), block_of(0xC0))));
}

/*
** Checks the UTF-8 of the first `len` bytes of x, in which `high` has a bit for
** each byte that is not ASCII. *due has a bit for each byte that has to
** continue a character of the previous block; it is set to those of the next
** block. Returns 0 for invalid UTF-8, and also for characters whose second byte
** is restricted (U+0800 to U+0FFF, U+D000 to U+D7FF) or that have four bytes:
** they are left to utf8_sequence.
**
** No branch depends on the text: continuation bytes have to be exactly where a
** character continues. What follows fewer than 16 bytes is ASCII.
*/
static inline int scan_utf8 (Block x, unsigned high, unsigned len,
                             unsigned *due) {
  /* as signed bytes, those that are ASCII are above both */
  unsigned tails = block_bits(block_above(block_of(0xC0), x));
  unsigned two = block_bits(block_above(block_of(0xE0), x)); /* or tails */
  unsigned wanted = *due | (high & ~tails) << 1 | (high & ~two) << 2;
  unsigned wrong = (tails ^ wanted) | block_bits(scan_other(x));
  *due = wanted >> 16;
  return (wrong & ((2u << len) - 1) & 0xFFFF) == 0;
}

/* The start of a character that is cut off at p. It has at most three bytes,
** and p is after the first or the second. */
static inline const char *scan_back (const char *p) {
  return (unsigned char)p[-1] < 0xC0 ? p - 2 : p - 1;
}

/*
** The number of bytes to pass over in the block x at p. Sets *ends when the run
** stops there: at a byte that ends it, or where utf8_sequence has to decide.
*/
static inline ptrdiff_t scan_block (const char *p, Block x, unsigned *due,
                                    unsigned *ends) {
  unsigned high = block_bits(x), len = 16, before = *due;
  *ends = scan_ends(x);
  if (*ends == 0) { /* predictable: the next block need not wait for it */
    if ((high | before) == 0 || scan_utf8(x, high, 16, due))
      return 16;
  } else {
    len = (unsigned)__builtin_ctz(*ends);
    high &= (1u << len) - 1;
    if ((high | before) == 0 || scan_utf8(x, high, len, due))
      return len;
  }
  *ends = 1;
  return before != 0 ? scan_back(p) - p : 0;
}

/*
** Passes over characters while at least 16 bytes are left. Stops before a byte
** that ends the run, or earlier.
*/
static inline const char *scan_blocks (const char *p, const char *end) {
  unsigned due = 0, ends = 0;
  while (ends == 0 && end - p >= 16) {
    Block x = block_load(p);
    p += scan_block(p, x, &due, &ends);
  }
  return ends == 0 && due != 0 ? scan_back(p) : p;
}

/*
** The same, with copying, while p < stop. `out` has room for stop - p bytes and
** 16 bytes of scratch space.
*/
static inline const char *scan_copyblocks (char *out, const char *p,
                                           const char *stop, const char *end) {
  unsigned due = 0, ends = 0;
  while (ends == 0 && p < stop && end - p >= 16) {
    Block x = block_load(p);
    ptrdiff_t len = scan_block(p, x, &due, &ends);
    block_store(out, x);
    p += len;
    out += len;
  }
  return ends == 0 && due != 0 ? scan_back(p) : p;
}

/*
** Where escapes are dense, a branch at each run of plain characters is
** mispredicted more often than not. There a window of 64 bytes is looked at as
** a whole, and what is between two escapes copied as 64 bytes, however short.
*/
#define SCAN_WINDOW 64

static inline void scan_copywindow (char *out, const char *p) {
  block_store(out, block_load(p));
  block_store(out + 16, block_load(p + 16));
  block_store(out + 32, block_load(p + 32));
  block_store(out + 48, block_load(p + 48));
}

/* The bits of four blocks as those of a window. */
static inline uint64_t scan_join (unsigned a, unsigned b, unsigned c,
                                  unsigned d) {
  return (a | b << 16) | (uint64_t)(c | d << 16) << 32;
}

/* A bit for each byte of the window at p that ends a run; in *high for each
** that is not ASCII. */
static inline uint64_t scan_window (const char *p, uint64_t *high) {
  Block a = block_load(p);
  Block b = block_load(p + 16);
  Block c = block_load(p + 32);
  Block d = block_load(p + 48);
  *high = scan_join(block_bits(a), block_bits(b), block_bits(c), block_bits(d));
  return scan_join(scan_ends(a), scan_ends(b), scan_ends(c), scan_ends(d));
}

/* A bit for each byte of the window at p that is not ASCII and below c. */
static inline uint64_t scan_below (const char *p, int c) {
  Block limit = block_of(c); /* of signed bytes: ASCII is above it */
  return scan_join(block_bits(block_above(limit, block_load(p))),
                   block_bits(block_above(limit, block_load(p + 16))),
                   block_bits(block_above(limit, block_load(p + 32))),
                   block_bits(block_above(limit, block_load(p + 48))));
}

/*
** The same as scan_utf8 for the first `len` bytes of the window at p, except
** that a character after them may make it return 0, and *due then remains as it
** was. One branch for the whole window: a branch for each of its blocks is
** mispredicted wherever some have only ASCII and others do not.
*/
static inline int scan_windowutf8 (const char *p, uint64_t high, unsigned len,
                                   unsigned *due) {
  uint64_t tails, wide, wrong;
  Block other;
  if (len < SCAN_WINDOW)
    high &= ((uint64_t)1 << len) - 1;
  if (high == 0 && *due == 0)
    return 1;
  tails = scan_below(p, 0xC0);
  wide = high & ~scan_below(p, 0xE0);
  high &= ~tails;
  wrong = tails ^ (*due | high << 1 | wide << 2);
  if (len < SCAN_WINDOW)
    wrong &= ((uint64_t)2 << len) - 1;
  other = block_or(
      block_or(scan_other(block_load(p)), scan_other(block_load(p + 16))),
      block_or(scan_other(block_load(p + 32)), scan_other(block_load(p + 48))));
  if (wrong != 0 || block_bits(other) != 0)
    return 0;
  *due = (unsigned)(high >> 63 | wide >> 62);
  return 1;
}

/* The first special byte in [p, end), or end. */
static inline const char *scan_plain (const char *p, const char *end) {
  for (; end - p >= 16; p += 16) {
    unsigned mask = scan_mask(block_load(p));
    if (mask != 0)
      return p + __builtin_ctz(mask);
  }
  while (p < end && !scan_special(*p))
    p++;
  return p;
}

/*
** The end of scan_copy: fewer than 16 bytes, in two parts that may overlap, so
** that nothing outside [p, end) is read.
*/
static inline const char *scan_copyrest (char *out, const char *p,
                                         const char *end) {
  size_t left = (size_t)(end - p);
  unsigned mask;
  if (left >= 8) {
    Block x = block_load8(p, end - 8);
    mask = scan_mask(x);
    block_store8(out, out + left - 8, x);
    if (mask == 0)
      return end;
    if ((mask & 0xFF) != 0)
      return p + __builtin_ctz(mask);
    return end - 16 + __builtin_ctz(mask);
  }
  if (left >= 4) {
    uint32_t a, b;
    memcpy(&a, p, 4);
    memcpy(&b, end - 4, 4);
    memcpy(out, &a, 4);
    memcpy(out + left - 4, &b, 4);
    mask = scan_mask(block_of4(a, b));
    if (mask == 0)
      return end;
    if ((mask & 0xF) != 0)
      return p + __builtin_ctz(mask);
    return end - 8 + __builtin_ctz(mask);
  }
  while (p < end && !scan_special(*p))
    *out++ = *p++;
  return p;
}

/*
** Copies up to the first special byte in [p, end) and returns its position, or
** end. `out` has room for end - p bytes and 16 bytes of scratch space.
*/
static inline const char *scan_copy (char *out, const char *p,
                                     const char *end) {
  const char *last;
  Block x;
  unsigned mask;
  if (end - p < 16)
    return scan_copyrest(out, p, end);
  for (last = end - 16; p < last; p += 16, out += 16) {
    x = block_load(p);
    mask = scan_mask(x);
    block_store(out, x);
    if (mask != 0)
      return p + __builtin_ctz(mask);
  }
  x = block_load(last); /* what precedes p in it is plain */
  mask = scan_mask(x);
  block_store(out - (p - last), x);
  return mask == 0 ? end : last + __builtin_ctz(mask);
}

#else

#define SCAN_ONES ((uint64_t)0x0101010101010101)
#define SCAN_TOPS ((uint64_t)0x8080808080808080)

/* Is any of eight bytes special? */
static inline int scan_eight (uint64_t x) {
  uint64_t quote = x ^ (SCAN_ONES * '"'), back = x ^ (SCAN_ONES * '\\');
  uint64_t hit = (quote - SCAN_ONES) & ~quote;
  hit |= (back - SCAN_ONES) & ~back;
  hit |= (x - SCAN_ONES * 0x20) & ~x;
  return ((hit | x) & SCAN_TOPS) != 0;
}

static inline const char *scan_blocks (const char *p, const char *end) {
  (void)end;
  return p;
}

static inline const char *scan_copyblocks (char *out, const char *p,
                                           const char *stop, const char *end) {
  (void)out;
  (void)stop;
  (void)end;
  return p;
}

static inline const char *scan_plain (const char *p, const char *end) {
  for (; end - p >= 8; p += 8) {
    uint64_t x;
    memcpy(&x, p, 8);
    if (scan_eight(x))
      break;
  }
  while (p < end && !scan_special(*p))
    p++;
  return p;
}

static inline const char *scan_copy (char *out, const char *p,
                                     const char *end) {
  const char *stop = scan_plain(p, end);
  memcpy(out, p, (size_t)(stop - p));
  return stop;
}

#endif

static inline int utf8_tail (const char *p) {
  return ((unsigned char)*p & 0xC0) == 0x80;
}

/*
** The length of the well-formed sequence of two to four bytes at p, or 0:
** neither overlong, nor a surrogate, nor beyond U+10FFFF (Unicode, table 3-7).
*/
static inline int utf8_sequence (const char *p, const char *end) {
  unsigned char c = (unsigned char)p[0], d;
  if (end - p < 2 || !utf8_tail(p + 1))
    return 0;
  d = (unsigned char)p[1];
  if (c < 0xE0)
    return c >= 0xC2 ? 2 : 0;
  if (end - p < 3 || !utf8_tail(p + 2))
    return 0;
  if (c < 0xF0)
    return (c == 0xE0 && d < 0xA0) || (c == 0xED && d >= 0xA0) ? 0 : 3;
  if (end - p < 4 || !utf8_tail(p + 3) || c > 0xF4)
    return 0;
  return (c == 0xF0 && d < 0x90) || (c == 0xF4 && d >= 0x90) ? 0 : 4;
}

#pragma GCC visibility pop

#endif
