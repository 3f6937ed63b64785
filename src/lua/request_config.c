#include "base/compat.h"

#include "request_config.h"

#include "arguments.h"
#include "handles.h"

#include <stdint.h>
#include <stdlib.h>

#define TERMS_NAME       "posthog.llm.terms"
#define MOST_BYTES       ((double)(SIZE_MAX / 4))
#define MOST_CONNECTIONS 10000

typedef struct TermsHandle {
  Terms *terms;
} TermsHandle;

void terms_retain (Terms *terms) {
  __atomic_fetch_add(&terms->refs, 1, __ATOMIC_RELAXED);
}

void terms_release (Terms *terms) {
  if (terms == NULL ||
      __atomic_fetch_sub(&terms->refs, 1, __ATOMIC_ACQ_REL) > 1)
    return;
  free(terms->ca_file);
  free(terms->proxy);
  free(terms->no_proxy);
  curl_slist_free_all(terms->headers);
  free(terms);
}

static int terms_gc (lua_State *L) {
  TermsHandle *h = handles_check(L, 1, TERMS_NAME);
  Terms *terms = h->terms;
  h->terms = NULL;
  terms_release(terms);
  return 0;
}

static void read_string (lua_State *L, const char *name, char **into) {
  lua_getfield(L, 1, name);
  if (!lua_isnil(L, -1))
    fields_string(L, -1, name, into);
  lua_pop(L, 1);
}

static double read_number (lua_State *L, const char *name, double absent,
                           double most) {
  double n;
  lua_getfield(L, 1, name);
  n = fields_number(L, -1, name, absent, most);
  lua_pop(L, 1);
  return n;
}

/*
** core.terms(settings, headers?) -> terms
** settings: connect_timeout (seconds), max_response_bytes, max_header_bytes,
** max_connections, ca_file, proxy, no_proxy. headers: a list of
** "Name: value", "Name;" for an empty value, or "Name:" to send none of what
** libcurl would add by itself.
*/
static int core_terms (lua_State *L) {
  TermsHandle *h;
  Terms *terms;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  h = handles_new(L, sizeof(*h), TERMS_NAME);
  h->terms = terms = calloc(1, sizeof(*terms));
  if (terms == NULL)
    return luaL_error(L, "not enough memory");
  terms->refs = 1;
  read_string(L, "ca_file", &terms->ca_file);
  read_string(L, "proxy", &terms->proxy);
  read_string(L, "no_proxy", &terms->no_proxy);
  terms->connect_timeout_ms = (long)fields_milliseconds(
      read_number(L, "connect_timeout", 0, FIELDS_MOST_SECONDS));
  terms->max_body =
      (size_t)read_number(L, "max_response_bytes", 64 << 20, MOST_BYTES);
  terms->max_headers =
      (size_t)read_number(L, "max_header_bytes", 256 << 10, MOST_BYTES);
  terms->max_connections =
      (int)read_number(L, "max_connections", 8, MOST_CONNECTIONS);
  if (terms->max_connections < 1)
    terms->max_connections = 1;
  fields_headers(L, 2, &terms->headers);
  return 1;
}

Terms *terms_check (lua_State *L, int arg) {
  TermsHandle *h = luaL_checkudata(L, arg, TERMS_NAME);
  luaL_argcheck(L, h->terms != NULL, arg, "terms that were closed");
  return h->terms;
}

void terms_open (lua_State *L) {
  static const luaL_Reg methods[] = {{NULL, NULL}};
  handles_class(L, TERMS_NAME, methods, terms_gc);
  lua_pushcfunction(L, core_terms);
  lua_setfield(L, -2, "terms");
}
