/*
** request_config.c - the settings that requests share, owned by its references:
** of the Lua handle, of transfers and of easy handles. Lua's thread fills it;
** once a transfer is started with it, any thread reads it.
*/
#include "request_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

RequestConfig *request_config_new (void) {
  RequestConfig *config = calloc(1, sizeof(*config));
  if (config != NULL)
    config->refs = 1;
  return config;
}

/*
** The encodings that libcurl itself would name, since CURLOPT_ACCEPT_ENCODING
** is "": it makes that line anew for each request, and copies it byte by byte.
*/
int request_config_accept (RequestConfig *config) {
  static const struct {
    int feature;
    const char *name;
  } encodings[] = {{CURL_VERSION_LIBZ, "deflate, gzip"},
                   {CURL_VERSION_BROTLI, "br"},
                   {COMPAT_VERSION_ZSTD, "zstd"}};
  const int features = curl_version_info(CURLVERSION_NOW)->features;
  char line[64] = "Accept-Encoding:";
  const char *before = " ";
  size_t i, len = strlen(line), none = len;
  for (i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
    if (!(features & encodings[i].feature))
      continue;
    len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s", before,
                            encodings[i].name);
    before = ", ";
  }
  if (len == none)
    (void)snprintf(line + len, sizeof(line) - len, " identity");
  config->headers = curl_slist_append(NULL, line);
  return config->headers != NULL ? 0 : -1;
}

void request_config_retain (RequestConfig *config) {
  __atomic_fetch_add(&config->refs, 1, __ATOMIC_RELAXED);
}

void request_config_release (RequestConfig *config) {
  if (config == NULL ||
      __atomic_fetch_sub(&config->refs, 1, __ATOMIC_ACQ_REL) > 1)
    return;
  free(config->ca_file);
  free(config->proxy);
  free(config->no_proxy);
  curl_slist_free_all(config->headers);
  free(config);
}
