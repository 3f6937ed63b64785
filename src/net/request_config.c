/*
** request_config.c - the settings that requests share, owned by its references:
** of the Lua handle, of transfers and of easy handles. Lua's thread fills it;
** once a transfer is started with it, any thread reads it.
*/
#include "request_config.h"

#include <stdlib.h>

RequestConfig *request_config_new (void) {
  RequestConfig *config = calloc(1, sizeof(*config));
  if (config != NULL)
    config->refs = 1;
  return config;
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
