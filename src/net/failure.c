/*
** failure.c - the kinds of failures. Without a state: the transfer is done, and
** whoever holds it may ask.
*/
#include "failure.h"

#include <string.h>

static int is_too_large (const Transfer *t) {
  return t->limit == LIMIT_BODY || t->limit == LIMIT_HEADERS ||
         t->limit == LIMIT_HEADER_LINE;
}

const char *failure_kind (const Transfer *t) {
  if (is_too_large(t))
    return "too_large";
  switch (t->code) {
    case CURLE_OPERATION_TIMEDOUT:
      return "timeout";
    case CURLE_BAD_CONTENT_ENCODING:
      return "decode";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_SHUTDOWN_FAILED:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
#if HAVE_CURL_CLIENTCERT_ERROR
    case CURLE_SSL_CLIENTCERT:
#endif
      return "tls";
    default:
      return "network";
  }
}

const char *failure_stage (const Transfer *t) {
  const Timings *m = &t->timings;
  if (t->proxy_status != 0 && t->proxy_status / 100 != 2)
    return "proxy";
  switch (t->code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
#if HAVE_CURL_PROXY_ERROR
    case CURLE_PROXY:
#endif
      return "proxy";
    case CURLE_COULDNT_RESOLVE_HOST:
      return "name_lookup";
    case CURLE_COULDNT_CONNECT:
      return "connect";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return "certificate";
    case CURLE_OPERATION_TIMEDOUT: /* in the first that did not end */
      if (m->total == 0)           /* in the queue, before all of them */
        return NULL;
      if (m->name_lookup == 0)
        return "name_lookup";
      if (m->connect == 0)
        return "connect";
      return m->tls == 0 && t->secure ? "tls" : NULL;
    default:
      return strcmp(failure_kind(t), "tls") == 0 ? "tls" : NULL;
  }
}

int failure_is_permanent (const Transfer *t) {
  if (is_too_large(t))
    return 1;
  switch (t->code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
#if HAVE_CURL_CLIENTCERT_ERROR
    case CURLE_SSL_CLIENTCERT:
#endif
      return 1;
    default:
      return 0;
  }
}
