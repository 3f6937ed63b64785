/*
** url.c - functions on URLs. Has no state: any thread may call them.
*/
#include "base/posix.h"

#include "url.h"

#include "curl_compat.h"

#include <stdint.h>
#include <string.h>

/* RFC 3986 2.3, a bit for each byte. A table, since every call checks its id
** and its key, in which there is usually nothing to escape. */
static const uint32_t unreserved_bits[8] = {0, 0x03ff6000, 0x87fffffe,
                                            0x47fffffe};

static int is_kept (unsigned char c, int keep_slash) {
  return (unreserved_bits[c >> 5] >> (c & 31) & 1) || (keep_slash && c == '/');
}

size_t url_escaped_length (const char *s, size_t len, int keep_slash) {
  size_t i, escaped = 0;
  for (i = 0; i < len; i++)
    escaped += !is_kept((unsigned char)s[i], keep_slash);
  return len + 2 * escaped;
}

void url_escape (char *out, const char *s, size_t len, int keep_slash) {
  static const char digits[] = "0123456789ABCDEF";
  size_t i;
  for (i = 0; i < len; i++) {
    unsigned char c = (unsigned char)s[i];
    if (is_kept(c, keep_slash)) {
      *out++ = (char)c;
    } else {
      *out++ = '%';
      *out++ = digits[c >> 4];
      *out++ = digits[c & 15];
    }
  }
}

size_t url_origin_length (const char *url) {
  const char *authority = strstr(url, "://");
  if (authority == NULL)
    return strlen(url);
  authority += 3;
  return (size_t)(authority - url) + strcspn(authority, "/?#");
}

static UrlProblem problem_of (CURLUcode code) {
  switch (code) {
    case CURLUE_OK:
      return URL_FINE;
    case CURLUE_NO_HOST:
      return URL_NO_HOST;
    case CURLUE_BAD_PORT_NUMBER:
      return URL_BAD_PORT;
    case CURLUE_OUT_OF_MEMORY:
      return URL_NO_MEMORY;
    default:
      return URL_BAD_HOST;
  }
}

UrlProblem url_address (const char *url, UrlAddress *into) {
  CURLUcode code;
  CURLU *parsed = curl_url();
  if (parsed == NULL)
    return URL_NO_MEMORY;
  code = curl_url_set(parsed, CURLUPART_URL, url, CURLU_PATH_AS_IS);
  if (code == CURLUE_OK)
    code = curl_url_get(parsed, CURLUPART_HOST, &into->host, 0);
  if (code == CURLUE_OK)
    code =
        curl_url_get(parsed, CURLUPART_PORT, &into->port, CURLU_DEFAULT_PORT);
  curl_url_cleanup(parsed);
  return problem_of(code);
}

void url_address_free (UrlAddress *address) {
  curl_free(address->host);
  curl_free(address->port);
  address->host = address->port = NULL;
}
