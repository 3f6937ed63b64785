/*
** failure.c - the kinds, stages and causes of failures. Has no state; the
** transfer must be done.
*/
#include "failure.h"

#include <errno.h>
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
    case CURLE_OPERATION_TIMEDOUT: /* in the first step that did not end */
      if (m->total == 0)           /* in the queue, before the first step */
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

/* {=================================================================
** Causes
** ================================================================== */

static int is_gnutls (void) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  return info->ssl_version != NULL &&
         strncmp(info->ssl_version, "GnuTLS", 6) == 0;
}

/* The bits of gnutls_certificate_status_t. */
static const char *of_gnutls (long status) {
  if (status & (1 << 9))
    return "not_yet_valid";
  if (status & (1 << 10))
    return "expired";
  if (status & (1 << 6))
    return "authority";
  return status == 0 ? "wrong_name" : "certificate";
}

/* X509_V_ERR_... of OpenSSL and its descendants. libcurl itself compares the
** name, which leaves the number at its initial value, 0 or 1. */
static const char *of_openssl (long result) {
  switch (result) {
    case 0:
    case 1:
    case 62: /* HOSTNAME_MISMATCH */
    case 64: /* IP_ADDRESS_MISMATCH */
      return "wrong_name";
    case 9: /* CERT_NOT_YET_VALID */
      return "not_yet_valid";
    case 10: /* CERT_HAS_EXPIRED */
      return "expired";
    case 2:  /* UNABLE_TO_GET_ISSUER_CERT */
    case 18: /* DEPTH_ZERO_SELF_SIGNED_CERT */
    case 19: /* SELF_SIGNED_CERT_IN_CHAIN */
    case 20: /* UNABLE_TO_GET_ISSUER_CERT_LOCALLY */
    case 21: /* UNABLE_TO_VERIFY_LEAF_SIGNATURE */
    case 27: /* CERT_UNTRUSTED */
      return "authority";
    default:
      return "certificate";
  }
}

static const char *of_certificate (const Transfer *t) {
  if (t->failure.proxy_verify > 1)
    return "proxy_certificate";
  return is_gnutls() ? of_gnutls(t->failure.verify)
                     : of_openssl(t->failure.verify);
}

/* OpenSSL's error numbers for data that is no TLS record: "wrong version
** number" and "packet length too long", in 1.1 and in 3. */
static int speaks_no_tls (const Transfer *t) {
  static const char *const numbers[] = {"0A00010B", "0A0000C6", "1408F10B",
                                        "1408F0C6", NULL};
  int i;
  for (i = 0; t->message != NULL && numbers[i] != NULL; i++) {
    if (strstr(t->message, numbers[i]) != NULL)
      return 1;
  }
  return 0;
}

static const char *of_connect (int number) {
  switch (number) {
    case ECONNREFUSED:
      return "refused";
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL:
      return "unreachable";
    default:
      return "connect";
  }
}

static const char *of_timeout (const Transfer *t) {
  if (!t->failure.harvested)
    return "queued"; /* it never got a connection to try */
  if (!t->sent) { /* a reused idle connection has no timings for these steps */
    if (t->timings.name_lookup == 0)
      return "looking_up";
    if (t->timings.connect == 0 || (t->secure && t->timings.tls == 0))
      return "connecting";
  }
  return t->timings.first_byte == 0 ? "waiting" : "answering";
}

/* The option that sets the limit. */
static const char *of_limit (const Transfer *t) {
  switch (t->limit) {
    case LIMIT_BODY:
      return "max_response_bytes";
    case LIMIT_HEADERS:
      return "max_header_bytes";
    default:
      return NULL;
  }
}

const char *failure_cause (const Transfer *t) {
  if (t->limit != LIMIT_NONE)
    return of_limit(t);
  if (t->proxy_status >= 300)
    return "proxy_refused";
  switch (t->code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "name";
    case CURLE_COULDNT_RESOLVE_PROXY:
      return "proxy_name";
    case CURLE_COULDNT_CONNECT:
      return of_connect((int)t->failure.os_error);
    case CURLE_PEER_FAILED_VERIFICATION:
      return of_certificate(t);
    case CURLE_SSL_CONNECT_ERROR:
      return speaks_no_tls(t) ? "no_tls" : "handshake";
    case CURLE_OPERATION_TIMEDOUT:
      return of_timeout(t);
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9, as libcurl takes any text */
    case CURLE_WEIRD_SERVER_REPLY:
      return "no_http";
    case CURLE_BAD_CONTENT_ENCODING:
      return "compression";
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
      return t->header_bytes > 0 ? "broken_off" : "lost";
#if HAVE_CURL_PROXY_ERROR
    case CURLE_PROXY:
      return "proxy_refused";
#endif
    default:
      return NULL;
  }
}

/* }================================================================= */
