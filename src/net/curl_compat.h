/*
** curl_compat.h - the differences between the versions of libcurl, from 7.68
** on.
*/
#ifndef POSTHOG_LLM_NET_CURL_COMPAT_H
#define POSTHOG_LLM_NET_CURL_COMPAT_H

#include "base/posix.h"

/* LuaRocks does not look for headers, but shows the compiler's messages. */
#if defined(__has_include)
#if !__has_include(<curl/curl.h>)
#error "no headers of libcurl: `tools/needs build 5.4` names the package"
#endif
#endif
#include <curl/curl.h>

#if LIBCURL_VERSION_NUM < 0x074400
#error "posthog-llm needs libcurl 7.68 or newer"
#endif

#define HAVE_CURL_PROXY_ERROR      (LIBCURL_VERSION_NUM >= 0x074900)
#define HAVE_CURL_CLIENTCERT_ERROR (LIBCURL_VERSION_NUM >= 0x074d00)
#define HAVE_CURL_PREREQ           (LIBCURL_VERSION_NUM >= 0x075000)
#define HAVE_CURL_PROTOCOLS_STR    (LIBCURL_VERSION_NUM >= 0x075500)
#define HAVE_CURL_QUICK_EXIT       (LIBCURL_VERSION_NUM >= 0x075700)
/* TLS also sends with MSG_NOSIGNAL, so that no write raises SIGPIPE. */
#define HAVE_CURL_NO_SIGPIPE (LIBCURL_VERSION_NUM >= 0x075800)

/* The code for a header line longer than libcurl accepts: CURLE_TOO_LARGE,
** which older headers lack. Before 8.6 it was CURLE_OUT_OF_MEMORY. */
#define COMPAT_TOO_LARGE ((CURLcode)100)

/* CURL_VERSION_ZSTD, which headers before 7.72 lack. */
#define COMPAT_VERSION_ZSTD (1 << 26)

/* The CA bundle that libcurl was built with; NULL: unknown. */
static inline const char *compat_default_ca (void) {
#if LIBCURL_VERSION_NUM >= 0x074600
  curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  if (info->age >= CURLVERSION_SEVENTH)
    return info->cainfo;
#endif
  return NULL;
}

#endif
