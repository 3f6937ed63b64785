/*
** block.h - 16 bytes at a time, by SSE2 or, on arm64, by NEON: the names that
** scan.h uses. HAVE_BLOCKS is 0 where there is neither.
*/
#ifndef POSTHOG_LLM_JSON_BLOCK_H
#define POSTHOG_LLM_JSON_BLOCK_H

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)

#include <emmintrin.h>
#define HAVE_BLOCKS 1

typedef __m128i Block;

static inline Block block_load (const char *p) {
  return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline void block_store (char *p, Block x) {
  _mm_storeu_si128((__m128i *)(void *)p, x);
}

/* The first eight bytes from p, the others from q. */
static inline Block block_load8 (const char *p, const char *q) {
  return _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)(const void *)p),
                            _mm_loadl_epi64((const __m128i *)(const void *)q));
}

/* The reverse of it. */
static inline void block_store8 (char *p, char *q, Block x) {
  _mm_storel_epi64((__m128i *)(void *)p, x);
  _mm_storel_epi64((__m128i *)(void *)q, _mm_unpackhi_epi64(x, x));
}

/* The four bytes of a, those of b, and eight spaces. */
static inline Block block_of4 (uint32_t a, uint32_t b) {
  return _mm_set_epi32(0x20202020, 0x20202020, (int)b, (int)a);
}

static inline Block block_of (int c) {
  return _mm_set1_epi8((char)c);
}

/* A comparison gives 0xFF for each byte for which it is true. */
static inline Block block_equal (Block x, Block y) {
  return _mm_cmpeq_epi8(x, y);
}

/* Of signed bytes. */
static inline Block block_above (Block x, Block y) {
  return _mm_cmpgt_epi8(x, y);
}

/* Of unsigned bytes. */
static inline Block block_atmost (Block x, Block y) {
  return _mm_cmpeq_epi8(_mm_min_epu8(x, y), x);
}

static inline Block block_and (Block x, Block y) {
  return _mm_and_si128(x, y);
}

static inline Block block_or (Block x, Block y) {
  return _mm_or_si128(x, y);
}

/* The highest bit of each byte; that of the first byte is the lowest. */
static inline unsigned block_bits (Block x) {
  return (unsigned)_mm_movemask_epi8(x);
}

#elif defined(__AARCH64EL__) && defined(__ARM_NEON)

#include <arm_neon.h>
#define HAVE_BLOCKS 1

typedef uint8x16_t Block;

static inline Block block_load (const char *p) {
  return vld1q_u8((const uint8_t *)p);
}

static inline void block_store (char *p, Block x) {
  vst1q_u8((uint8_t *)p, x);
}

static inline Block block_load8 (const char *p, const char *q) {
  return vcombine_u8(vld1_u8((const uint8_t *)p), vld1_u8((const uint8_t *)q));
}

static inline void block_store8 (char *p, char *q, Block x) {
  vst1_u8((uint8_t *)p, vget_low_u8(x));
  vst1_u8((uint8_t *)q, vget_high_u8(x));
}

static inline Block block_of4 (uint32_t a, uint32_t b) {
  return vcombine_u8(vcreate_u8((uint64_t)b << 32 | a), vdup_n_u8(0x20));
}

static inline Block block_of (int c) {
  return vdupq_n_u8((uint8_t)c);
}

static inline Block block_equal (Block x, Block y) {
  return vceqq_u8(x, y);
}

static inline Block block_above (Block x, Block y) {
  return vcgtq_s8(vreinterpretq_s8_u8(x), vreinterpretq_s8_u8(y));
}

static inline Block block_atmost (Block x, Block y) {
  return vcleq_u8(x, y);
}

static inline Block block_and (Block x, Block y) {
  return vandq_u8(x, y);
}

static inline Block block_or (Block x, Block y) {
  return vorrq_u8(x, y);
}

/* Each byte keeps the bit of its place, and pairs are added until the eight of
** each half are one byte. */
static inline unsigned block_bits (Block x) {
  static const uint8_t places[16] = {1, 2, 4, 8, 16, 32, 64, 128,
                                     1, 2, 4, 8, 16, 32, 64, 128};
  Block high = vreinterpretq_u8_s8(vshrq_n_s8(vreinterpretq_s8_u8(x), 7));
  Block sum = vandq_u8(high, vld1q_u8(places));
  sum = vpaddq_u8(sum, sum);
  sum = vpaddq_u8(sum, sum);
  sum = vpaddq_u8(sum, sum);
  return vgetq_lane_u16(vreinterpretq_u16_u8(sum), 0);
}

#else
#define HAVE_BLOCKS 0
#endif

#endif
