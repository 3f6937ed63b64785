/*
** json_decode.c - JSON text to Lua values in one pass: no tree in between,
** values are stored into their tables as they come.
*/
#include "json_number.h"
#include "json_scan.h"
#include "json_types.h"

#include <limits.h>
#include <math.h>
#include <string.h>

/*
** {======================================================
** Keys
** Documents of one kind repeat their keys, in the same order. The strings of
** keys seen before are kept in a table, the bytes in the cache; which key
** came last time after the same one in the same kind of object is tried
** first. Any of this may be wrong or lost without harm: it only ever saves
** work.
** =======================================================
*/

#define KEYS       512  /* remembered; then it starts over */
#define KEY_SIZE   32   /* bytes of a key with its closing quote */
#define BUCKETS    1024 /* of the hash table; powers of two */
#define NEXTS      1024
#define MAX_PROBES 8

typedef struct Key {
  char text[KEY_SIZE]; /* with the closing quote */
  unsigned char len;   /* without it */
  unsigned char free;  /* keeps every null below it */
  unsigned list;       /* elements of the last array under this key */
  unsigned map;        /* members of the last object */
} Key;

/* Keys are numbered from 1; 0 is every key not remembered, and no key. */
typedef struct Cache {
  unsigned count;
  unsigned short bucket[BUCKETS];
  unsigned short next[NEXTS];
  Key key[KEYS + 1];
} Cache;

enum { TEXT, LIST, MAP };

/* A container that is open; the first one is the text itself. */
typedef struct Frame {
  unsigned count;         /* elements or members stored */
  unsigned short context; /* the key that the container stands under */
  unsigned short last;    /* the last key in it */
  unsigned char kind;
  unsigned char keep;  /* are the nulls of its members kept? */
  unsigned char child; /* the same for the member at hand and below it */
} Frame;

#define MAX_HINT (1 << 24) /* elements or members to make room for */

#define FRAMES 64 /* on the C stack; deeper ones go into a userdata */

typedef struct Reader {
  lua_State *L;
  const char *start, *end;
  const char *message, *blame; /* set by fail */
  Cache *cache;
  Frame *frames;
  int room; /* number of frames */
  int max_depth;
  char *scratch;
  size_t size; /* of scratch */
  int base;    /* the slots below count from here */
} Reader;

/* Slots on the Lua stack, above base; the values come above them. */
enum { HELD = 1, CACHE, NAMES, MARK, SCRATCH, SPILL, SLOTS = SPILL };

/* More would be kept for longer than it is worth. */
#define MAX_SCRATCH ((size_t)1 << 20)

static const char *fail (Reader *r, const char *blame, const char *message) {
  r->message = message;
  r->blame = blame;
  return NULL;
}

static inline uint64_t load (const char *p, size_t n) {
  uint64_t x = 0;
  memcpy(&x, p, n);
  return x;
}

static unsigned hash_key (const char *s, size_t len) {
  uint64_t a, b;
  if (len >= 8) {
    a = load(s, 8);
    b = load(s + len - 8, 8);
  } else if (len >= 4) {
    a = load(s, 4);
    b = load(s + len - 4, 4);
  } else {
    a = len > 0 ? (unsigned char)s[0] : 0;
    b = len > 0 ? load(s + len - 1, 1) + (load(s + len / 2, 1) << 8) : 0;
  }
  a = (a ^ (uint64_t)len << 56) * UINT64_C(0x9E3779B97F4A7C15);
  a = (a ^ (a >> 29) ^ b) * UINT64_C(0xBF58476D1CE4E5B9);
  return (unsigned)(a >> 40) & (BUCKETS - 1);
}

static inline unsigned next_index (const Frame *f) {
  return (f->context * 37u + f->last * 5u) & (NEXTS - 1);
}

/* Do the bytes at p start with this key and its closing quote? */
static inline int key_matches (const Key *k, const char *p, const char *end) {
#if defined(__SSE2__)
  if (k->len < 16 && end - p >= 16) {
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)k->text);
    unsigned wanted = (2u << k->len) - 1;
    unsigned equal = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(a, b));
    return (equal & wanted) == wanted;
  }
#endif
  return end - p > k->len && memcmp(p, k->text, (size_t)k->len + 1) == 0;
}

/* Is the string on top one of the names below which every null is kept? */
static int is_free (Reader *r) {
  int yes;
  lua_rawgeti(r->L, r->base + HELD, HELD_FREE);
  lua_pushvalue(r->L, -2);
  lua_rawget(r->L, -2);
  yes = lua_toboolean(r->L, -1);
  lua_pop(r->L, 2);
  return yes;
}

/* Pushes the string of a key that was not foreseen; returns its number. */
static unsigned push_key (Reader *r, Frame *f, const char *s, size_t len) {
  Cache *c = r->cache;
  Key *k;
  unsigned b, probes, n;
  if (len >= KEY_SIZE) {
    lua_pushlstring(r->L, s, len);
    f->child = f->keep || is_free(r);
    return 0;
  }
  b = hash_key(s, len);
  for (probes = 0; (n = c->bucket[b]) != 0 && probes < MAX_PROBES; probes++) {
    k = c->key + n;
    if (k->len == len && memcmp(k->text, s, len) == 0) {
      lua_rawgeti(r->L, r->base + NAMES, (int)n);
      f->child = f->keep | k->free;
      return n;
    }
    b = (b + 1) & (BUCKETS - 1);
  }
  lua_pushlstring(r->L, s, len);
  f->child = f->keep || is_free(r);
  if (n != 0) /* crowded: made to collide, or bad luck */
    return 0;
  if (c->count == KEYS) {
    memset(c, 0, sizeof(*c));
    b = hash_key(s, len);
  }
  n = ++c->count;
  c->bucket[b] = (unsigned short)n;
  k = c->key + n;
  memcpy(k->text, s, len);
  k->text[len] = '"';
  k->len = (unsigned char)len;
  k->free = f->keep ? (unsigned char)is_free(r) : f->child;
  lua_pushvalue(r->L, -1);
  lua_rawseti(r->L, r->base + NAMES, (int)n);
  return n;
}

/* }====================================================== */

/*
** {======================================================
** Strings
** =======================================================
*/

static void need_scratch (Reader *r, size_t used, size_t size) {
  lua_State *L = r->L;
  char *grown;
  if (r->scratch == NULL) {
    lua_rawgeti(L, r->base + HELD, HELD_SCRATCH);
    if (lua_touserdata(L, -1) != NULL && lua_rawlen(L, -1) >= size) {
      lua_pushboolean(L, 0);
      lua_rawseti(L, r->base + HELD, HELD_SCRATCH);
      r->scratch = lua_touserdata(L, -1);
      r->size = lua_rawlen(L, -1);
      lua_replace(L, r->base + SCRATCH);
      return;
    }
    lua_pop(L, 1);
  }
  if (size < 2 * r->size)
    size = 2 * r->size;
  if (size < 1024)
    size = 1024;
  grown = lua_newuserdata(L, size);
  if (used > 0)
    memcpy(grown, r->scratch, used);
  lua_replace(L, r->base + SCRATCH); /* the old one is garbage from here */
  r->scratch = grown;
  r->size = size;
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

/* The escape \uXXXX at p, with its second half if it is a pair. */
static const char *read_unicode (Reader *r, const char *p, char **out) {
  const char *lone = "lone surrogate in an escape";
  int high = read_hex(p + 2, r->end), low;
  unsigned long c = (unsigned long)high;
  if (high < 0)
    return fail(r, p, "\\u needs four hexadecimal digits");
  if (high >= 0xDC00 && high <= 0xDFFF)
    return fail(r, p, lone);
  if (high >= 0xD800 && high <= 0xDBFF) {
    if (r->end - p < 12 || p[6] != '\\' || p[7] != 'u')
      return fail(r, p, lone);
    low = read_hex(p + 8, r->end);
    if (low < 0xDC00 || low > 0xDFFF)
      return fail(r, p, lone);
    c = 0x10000 + ((c - 0xD800) << 10) + ((unsigned long)low - 0xDC00);
    p += 6;
  }
  *out = put_utf8(*out, c);
  return p + 6;
}

/* What stands for the byte behind a backslash; 0 for none. */
static const char escapes[256] = {
    ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

/*
** The rest of a string with escapes, whose bytes from s to p need none: into
** scratch. An escape and a character take less than 16 bytes, scan_copy
** wants 16 to spare.
*/
static const char *read_escaped (Reader *r, const char *s, const char *p,
                                 size_t *len) {
  const char *end = r->end, *stop;
  size_t used = (size_t)(p - s), room;
  int n;
  char *out;
  if (r->size < used + 64)
    need_scratch(r, 0, used + 64);
  memcpy(r->scratch, s, used);
  for (;;) {
    if (r->size - used < 64)
      need_scratch(r, used, used + 64);
    room = r->size - used - 32;
    out = r->scratch + used;
    stop = (size_t)(end - p) > room ? p + room : end;
    stop = scan_copy(out, p, stop);
    used += (size_t)(stop - p);
    out += stop - p;
    p = stop;
    if (p == end)
      return fail(r, p, "unterminated string");
    if (*p == '"') {
      *len = used;
      return p + 1;
    }
    if (*p == '\\') {
      if (p + 1 == end)
        return fail(r, p + 1, "unterminated string");
      if ((*out = escapes[(unsigned char)p[1]]) != 0) {
        used++;
        p += 2;
      } else if (p[1] == 'u') {
        if ((p = read_unicode(r, p, &out)) == NULL)
          return NULL;
        used = (size_t)(out - r->scratch);
      } else {
        return fail(r, p, "invalid escape");
      }
    } else if ((unsigned char)*p >= 0x80) {
      if ((n = utf8_sequence(p, end)) == 0)
        return fail(r, p, "invalid UTF-8");
      memcpy(out, p, (size_t)n);
      used += (size_t)n;
      p += n;
    } else if ((unsigned char)*p < 0x20) {
      return fail(r, p, "control character in a string");
    } /* else there was no room to go on */
  }
}

/*
** The string whose first byte is p: its bytes in *s and *len, which are good
** until the next string; returns what follows the closing quote.
*/
static inline const char *read_string (Reader *r, const char *p, const char **s,
                                       size_t *len) {
  const char *start = p, *end = r->end;
  int n;
  for (;;) {
    p = scan_plain(p, end);
    if (p == end)
      return fail(r, p, "unterminated string");
    if (*p == '"') {
      *s = start;
      *len = (size_t)(p - start);
      return p + 1;
    }
    if (*p == '\\') {
      p = read_escaped(r, start, p, len);
      *s = r->scratch;
      return p;
    }
    if ((unsigned char)*p < 0x20)
      return fail(r, p, "control character in a string");
    do { /* text that is not ASCII mostly goes on so */
      if ((n = utf8_sequence(p, end)) == 0)
        return fail(r, p, "invalid UTF-8");
      p += n;
    } while (p < end && (unsigned char)*p >= 0x80);
  }
}

/* }====================================================== */

/*
** {======================================================
** Numbers
** =======================================================
*/

#define isdigit(c) ((unsigned char)((c) - '0') < 10)

/* A lua_Integer without 64 bits may be narrower than a double's digits. */
#if HAVE_LUA_INTEGER
#define push_small(L, n) lua_pushinteger((L), (lua_Integer)(n))
#else
#define push_small(L, n) lua_pushnumber((L), (lua_Number)(n))
#endif

/* The rest of a literal, from its point or exponent on. */
static const char *read_float (Reader *r, const char *s, const char *p,
                               uint64_t digits) {
  const char *end = r->end, *first = s + (*s == '-'), *mark;
  int64_t power = 0, exponent = 0;
  long count = (long)(p - first);
  double d;
  if (*p == '.') {
    mark = ++p;
    for (; p < end && isdigit(*p); p++)
      digits = digits * 10 + (uint64_t)(*p - '0');
    if (p == mark)
      return fail(r, p, "expected a digit after the decimal point");
    power = -(int64_t)(p - mark);
    count += (long)(p - mark);
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    int negative = 0;
    p++;
    if (p < end && (*p == '-' || *p == '+'))
      negative = *p++ == '-';
    for (mark = p; p < end && isdigit(*p); p++)
      if (exponent < 100000)
        exponent = exponent * 10 + (*p - '0');
    if (p == mark)
      return fail(r, p, "expected a digit in the exponent");
    power += negative ? -exponent : exponent;
  }
  if (count > 19 || exponent >= 100000) {
    d = json_parsefloat(s, p);
  } else {
    d = json_nearest(digits, power, 0, s, p);
    if (*s == '-')
      d = -d;
  }
  if (d - d != 0) /* infinite */
    json_pushnumbertext(r->L, s, (size_t)(p - s));
  else
    lua_pushnumber(r->L, d);
  return p;
}

/* An integer that needs more than 18 digits, or a zero with a sign. */
static void push_integer (Reader *r, const char *s, size_t len,
                          uint64_t magnitude) {
  int negative = *s == '-';
  size_t count = len - (size_t)negative;
  if (magnitude == 0 && count == 1) {
    lua_pushnumber(r->L, negative ? -0.0 : 0.0);
    return;
  }
#if HAVE_LUA_INTEGER
  if (count <= 19 && magnitude <= (uint64_t)INT64_MAX + (uint64_t)negative) {
    magnitude = negative ? 0 - magnitude : magnitude;
    lua_pushinteger(r->L, (lua_Integer)magnitude);
    return;
  }
#else
  if (count <= 19 && magnitude <= (uint64_t)1 << 53) {
    lua_pushnumber(r->L, negative ? -(double)magnitude : (double)magnitude);
    return;
  }
#endif
  json_pushnumbertext(r->L, s, len);
}

static inline const char *read_number (Reader *r, const char *s) {
  const char *p = s, *end = r->end, *first;
  uint64_t digits = 0;
  p += *s == '-';
  first = p;
  if (p == end || !isdigit(*p))
    return fail(r, p, "expected a digit");
  if (*p == '0' && p + 1 < end && isdigit(p[1]))
    return fail(r, p, "leading zero in a number");
  for (; p < end && isdigit(*p); p++)
    digits = digits * 10 + (uint64_t)(*p - '0');
  if (p < end && (*p == '.' || *p == 'e' || *p == 'E'))
    return read_float(r, s, p, digits);
  if (p - first > 15 || (digits == 0 && first != s))
    push_integer(r, s, (size_t)(p - s), digits);
  else
    push_small(r->L, first != s ? -(int64_t)digits : (int64_t)digits);
  return p;
}

/* }====================================================== */

static inline const char *skip_space (const char *p, const char *end) {
  while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
    p++;
  return p;
}

/* A key, from behind its opening quote to behind the colon; pushes it. */
static inline const char *read_key (Reader *r, Frame *f, const char *p) {
  Cache *c = r->cache;
  unsigned short *next = c->next + next_index(f);
  const char *s;
  size_t len;
  if (*next != 0 && key_matches(c->key + *next, p, r->end)) {
    const Key *k = c->key + *next;
    lua_rawgeti(r->L, r->base + NAMES, *next);
    f->last = *next;
    f->child = f->keep | k->free;
    p += k->len + 1;
  } else {
    if ((p = read_string(r, p, &s, &len)) == NULL)
      return NULL;
    f->last = (unsigned short)push_key(r, f, s, len);
    *next = f->last;
  }
  p = skip_space(p, r->end);
  if (p == r->end || *p != ':')
    return fail(r, p, "expected ':' behind a key");
  return p + 1;
}

/*
** Opens a container inside of f, with the size that the last one under the
** same key had. That size is used up here and set when the container ends: so
** nothing that nests or repeats gets more room than real contents had before.
*/
static Frame *enter (Reader *r, Frame *f, int kind, const char *p) {
  lua_State *L = r->L;
  int depth = (int)(f - r->frames) + 1;
  unsigned short context = f->kind == MAP ? f->last : f->context;
  Key *key = r->cache->key + context;
  unsigned *size = kind == LIST ? &key->list : &key->map;
  unsigned hint = *size;
  if (depth > r->max_depth ||
      (depth % 16 == 0 && !lua_checkstack(L, 2 * 16 + 2 * SLOTS))) {
    fail(r, p, "nested too deeply");
    return NULL;
  }
  if (depth == r->room) {
    Frame *grown = lua_newuserdata(L, 2 * (size_t)depth * sizeof(Frame));
    memcpy(grown, r->frames, (size_t)depth * sizeof(Frame));
    lua_replace(L, r->base + SPILL);
    r->frames = grown;
    r->room = 2 * depth;
  }
  if (r->end - p > 1 && (p[1] == ']' || p[1] == '}'))
    hint = 0; /* empty: the next one may not be */
  else
    *size = 0;
  if (hint > MAX_HINT)
    hint = MAX_HINT;
  if (hint > (size_t)(r->end - p) / 2)
    hint = (unsigned)((r->end - p) / 2);
  f = r->frames + depth;
  f->count = 0;
  f->context = context;
  f->last = 0;
  f->kind = (unsigned char)kind;
  f->keep = f->child = f[-1].child;
  if (kind == LIST) {
    lua_createtable(L, (int)hint, 0);
    lua_pushvalue(L, r->base + MARK);
    lua_setmetatable(L, -2);
  } else {
    lua_createtable(L, 0, (int)hint);
  }
  return f;
}

/* A null that is left out takes back an earlier member of the same key. */
static void drop_member (lua_State *L) {
  lua_pushvalue(L, -1);
  lua_rawget(L, -3);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 2);
  } else {
    lua_pop(L, 1);
    lua_pushnil(L);
    lua_rawset(L, -3);
  }
}

static inline int starts_with (const char *p, const char *end, const char *word,
                               size_t len) {
  return (size_t)(end - p) >= len && memcmp(p, word, len) == 0;
}

/*
** Reads one value and leaves it on the stack; returns what follows it, or
** NULL. While a container is open, it is on the stack, above it, in an
** object, the key of the value that is being read.
*/
static const char *read_value (Reader *r, const char *p) {
  lua_State *L = r->L;
  const char *end = r->end, *s;
  Frame *f = r->frames;
  size_t len;
value:
  p = skip_space(p, end);
  if (p == end)
    return fail(r, p, "unexpected end of the text");
  switch (*p) {
    case '"':
      if ((p = read_string(r, p + 1, &s, &len)) == NULL)
        return NULL;
      lua_pushlstring(L, s, len);
      break;
    case '{':
      if ((f = enter(r, f, MAP, p)) == NULL)
        return NULL;
      p = skip_space(p + 1, end);
      if (p < end && *p == '}')
        goto leave;
      goto member;
    case '[':
      if ((f = enter(r, f, LIST, p)) == NULL)
        return NULL;
      p = skip_space(p + 1, end);
      if (p < end && *p == ']')
        goto leave;
      goto value;
    case 't':
      if (!starts_with(p, end, "true", 4))
        return fail(r, p, "expected a value");
      lua_pushboolean(L, 1);
      p += 4;
      break;
    case 'f':
      if (!starts_with(p, end, "false", 5))
        return fail(r, p, "expected a value");
      lua_pushboolean(L, 0);
      p += 5;
      break;
    case 'n':
      if (!starts_with(p, end, "null", 4))
        return fail(r, p, "expected a value");
      p += 4;
      if (f->kind == MAP && !f->child) {
        drop_member(L);
        goto stored;
      }
      lua_pushlightuserdata(L, NULL);
      break;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
      if ((p = read_number(r, p)) == NULL)
        return NULL;
      break;
    default:
      return fail(r, p, "expected a value");
  }
store:
  if (f->kind == MAP) {
    lua_rawset(L, -3);
    f->count++;
  } else if (f->kind == LIST) {
    if (f->count == INT_MAX)
      return fail(r, p, "too many elements");
    lua_rawseti(L, -2, (int)++f->count);
  } else {
    return p;
  }
stored:
  p = skip_space(p, end);
  if (p < end && *p == ',') {
    p++;
    if (f->kind == LIST)
      goto value;
    p = skip_space(p, end);
    goto member;
  }
  if (p < end && *p == (f->kind == LIST ? ']' : '}'))
    goto leave;
  return fail(r, p,
              f->kind == LIST ? "expected ',' or ']'" : "expected ',' or '}'");
member:
  if (p == end || *p != '"')
    return fail(r, p, "expected a key in quotes");
  if ((p = read_key(r, f, p + 1)) == NULL)
    return NULL;
  goto value;
leave:
  p++;
  if (f->count == 0)
    ; /* says nothing about the next one */
  else if (f->kind == LIST)
    r->cache->key[f->context].list = f->count;
  else
    r->cache->key[f->context].map = f->count;
  f--;
  goto store;
}

/* Takes the cache out of the decoder, or makes one. */
static void take_cache (Reader *r) {
  lua_State *L = r->L;
  lua_rawgeti(L, r->base + HELD, HELD_CACHE);
  r->cache = lua_touserdata(L, -1);
  if (r->cache != NULL) {
    lua_pushboolean(L, 0);
    lua_rawseti(L, r->base + HELD, HELD_CACHE);
  } else {
    lua_pop(L, 1);
    r->cache = lua_newuserdata(L, sizeof(Cache));
    memset(r->cache, 0, sizeof(Cache));
    lua_createtable(L, KEYS, 0);
    setattached(L, -2);
  }
  getattached(L, -1);
}

static void give_back (Reader *r) {
  lua_State *L = r->L;
  lua_pushvalue(L, r->base + CACHE);
  lua_rawseti(L, r->base + HELD, HELD_CACHE);
  if (r->scratch != NULL && r->size <= MAX_SCRATCH) {
    lua_pushvalue(L, r->base + SCRATCH);
    lua_rawseti(L, r->base + HELD, HELD_SCRATCH);
  }
}

int json_decode (lua_State *L, int decoder, const char *s, size_t len) {
  Frame frames[FRAMES];
  Reader r;
  const Decoder *d = lua_touserdata(L, decoder);
  const char *p;
  luaL_checkstack(L, 2 * 16 + 2 * SLOTS, "JSON text");
  memset(&r, 0, sizeof(r));
  r.L = L;
  r.start = s;
  r.end = s + len;
  r.frames = frames;
  r.room = FRAMES;
  r.max_depth = d->max_depth;
  r.base = lua_gettop(L);
  getattached(L, decoder);
  take_cache(&r);
  lua_rawgeti(L, r.base + HELD, HELD_ARRAY);
  lua_pushnil(L);
  lua_pushnil(L);
  memset(frames, 0, sizeof(frames[0]));
  frames[0].keep = frames[0].child = (unsigned char)d->keep_null;
  if (starts_with(s, r.end, "\xEF\xBB\xBF", 3)) {
    p = fail(&r, s, "byte order mark");
  } else {
    p = read_value(&r, s);
    if (p != NULL && (p = skip_space(p, r.end)) != r.end)
      p = fail(&r, p, "unexpected text behind the value");
  }
  give_back(&r);
  if (p != NULL) {
    lua_replace(L, r.base + 1);
    lua_settop(L, r.base + 1);
    return 1;
  }
  lua_settop(L, r.base);
  lua_pushnil(L);
  lua_pushstring(L, r.message);
  lua_pushinteger(L, (lua_Integer)(r.blame - s) + 1);
  return 3;
}
