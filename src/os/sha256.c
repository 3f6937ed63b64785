/*
** sha256.c - a hasher is a userdata that owns no other memory. Used only by
** Lua's thread.
*/
#include "sha256.h"

#include <stdint.h>
#include <string.h>

#define HASHER       "posthog.llm.core.Hasher"
#define BLOCK_BYTES  64
#define DIGEST_BYTES 32
#define LENGTH_AT    56 /* offset of the length in the last block */

typedef struct Hasher {
  uint32_t state[8];
  uint64_t bytes;                   /* hashed so far */
  unsigned char block[BLOCK_BYTES]; /* its first bytes % BLOCK_BYTES are used */
} Hasher;

/* FIPS 180-4, 4.2.2 */
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate (uint32_t x, int n) {
  return x >> n | x << (32 - n);
}

static void schedule (uint32_t *w, const unsigned char *p) {
  int i;
  for (i = 0; i < 16; i++, p += 4)
    w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           (uint32_t)p[3];
  for (; i < 64; i++) {
    uint32_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] +
           (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
  }
}

/* One round of 6.2.2. Of a to h only d and h change: the next round is called
** with the names moved on by one, so that no value is moved. */
#define ROUND(a, b, c, d, e, f, g, h, i)                                       \
  do {                                                                         \
    uint32_t one = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +        \
                   (g ^ (e & (f ^ g))) + K[i] + w[i];                          \
    uint32_t two = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +            \
                   ((a & b) | (c & (a | b)));                                  \
    d += one;                                                                  \
    h = one + two;                                                             \
  } while (0)

static void hash_block (uint32_t *state, const unsigned char *p) {
  uint32_t w[64];
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
  int i;
  schedule(w, p);
  for (i = 0; i < 64; i += 8) {
    ROUND(a, b, c, d, e, f, g, h, i);
    ROUND(h, a, b, c, d, e, f, g, i + 1);
    ROUND(g, h, a, b, c, d, e, f, i + 2);
    ROUND(f, g, h, a, b, c, d, e, i + 3);
    ROUND(e, f, g, h, a, b, c, d, i + 4);
    ROUND(d, e, f, g, h, a, b, c, i + 5);
    ROUND(c, d, e, f, g, h, a, b, i + 6);
    ROUND(b, c, d, e, f, g, h, a, i + 7);
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}

static void start (Hasher *h) {
  static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                    0xa54ff53a, 0x510e527f, 0x9b05688c,
                                    0x1f83d9ab, 0x5be0cd19};
  memcpy(h->state, first, sizeof(first));
  h->bytes = 0;
}

static void add (Hasher *h, const char *s, size_t len) {
  const unsigned char *p = (const unsigned char *)s;
  size_t used = (size_t)(h->bytes % BLOCK_BYTES);
  h->bytes += len;
  if (used > 0) {
    size_t n = BLOCK_BYTES - used < len ? BLOCK_BYTES - used : len;
    memcpy(h->block + used, p, n);
    if (used + n < BLOCK_BYTES)
      return;
    hash_block(h->state, h->block);
    p += n;
    len -= n;
  }
  for (; len >= BLOCK_BYTES; p += BLOCK_BYTES, len -= BLOCK_BYTES)
    hash_block(h->state, p);
  if (len > 0)
    memcpy(h->block, p, len);
}

/* Pushes the digest in hex. Uses a copy, so that more text can be added. */
static void push_hex (lua_State *L, const Hasher *h) {
  static const char digits[] = "0123456789abcdef";
  static const char padding[BLOCK_BYTES] = {(char)0x80};
  char length[8], hex[2 * DIGEST_BYTES];
  Hasher last = *h;
  size_t used = (size_t)(h->bytes % BLOCK_BYTES);
  int i;
  for (i = 0; i < 8; i++)
    length[i] = (char)(h->bytes * 8 >> (56 - 8 * i) & 0xff);
  add(&last, padding,
      used < LENGTH_AT ? LENGTH_AT - used : LENGTH_AT + BLOCK_BYTES - used);
  add(&last, length, sizeof(length));
  for (i = 0; i < 2 * DIGEST_BYTES; i++)
    hex[i] = digits[last.state[i / 8] >> (28 - 4 * (i % 8)) & 0xf];
  lua_pushlstring(L, hex, sizeof(hex));
}

/* core.sha256(text) -> 64 hexadecimal digits */
static int sha256_text (lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  Hasher h;
  start(&h);
  add(&h, text, len);
  push_hex(L, &h);
  return 1;
}

/* core.hasher() -> hasher, for a text in parts */
static int hasher_new (lua_State *L) {
  Hasher *h = (Hasher *)lua_newuserdata(L, sizeof(Hasher));
  start(h);
  luaL_getmetatable(L, HASHER);
  lua_setmetatable(L, -2);
  return 1;
}

/* hasher:add(text) -> hasher */
static int hasher_add (lua_State *L) {
  size_t len;
  Hasher *h = (Hasher *)luaL_checkudata(L, 1, HASHER);
  const char *text = luaL_checklstring(L, 2, &len);
  add(h, text, len);
  lua_settop(L, 1);
  return 1;
}

/* hasher:hex() -> 64 hexadecimal digits, the digest of the text so far */
static int hasher_hex (lua_State *L) {
  push_hex(L, (Hasher *)luaL_checkudata(L, 1, HASHER));
  return 1;
}

void sha256_open (lua_State *L) {
  static const luaL_Reg methods[] = {
      {"add", hasher_add}, {"hex", hasher_hex}, {NULL, NULL}};
  luaL_newmetatable(L, HASHER);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  lua_pushcfunction(L, sha256_text);
  lua_setfield(L, -2, "sha256");
  lua_pushcfunction(L, hasher_new);
  lua_setfield(L, -2, "hasher");
}
