/*
** curl_library.c - opens libcurl at run time, for a core that was compiled with
** the declarations of src/headers. It stays open until the process ends.
*/
#include "curl_library.h"

#if !defined(CURL_OPENED_AT_RUN_TIME)

const char *curl_library_open (void) {
  return NULL;
}

#else

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* The first three have the same interface and differ in their TLS library. */
static const char *const NAMES[] = {
    "libcurl.so.4", "libcurl-gnutls.so.4", "libcurl-nss.so.4",
    "libcurl.so",   "libcurl.4.dylib",     "libcurl.dylib",
};

#define FUNCTION_NAME(result, name, parameters) "curl_" #name,

static const char *const FUNCTIONS[] = {CURL_FUNCTIONS(FUNCTION_NAME)};

#define FUNCTION_COUNT (sizeof(FUNCTIONS) / sizeof(FUNCTIONS[0]))

struct curl_functions curl_functions;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int is_open = 0;
static char reason[400];

static void *open_any (void) {
  size_t i;
  for (i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
    void *library = dlopen(NAMES[i], RTLD_NOW | RTLD_LOCAL);
    if (library != NULL)
      return library;
  }
  return NULL;
}

/* Fills curl_functions. POSIX guarantees that a function fits into the void
** pointer that dlsym returns. Returns 0, or -1 and sets the reason. */
static int find_functions (void *library) {
  struct curl_functions found;
  size_t i;
  for (i = 0; i < FUNCTION_COUNT; i++) {
    void *function = dlsym(library, FUNCTIONS[i]);
    if (function == NULL) {
      snprintf(reason, sizeof(reason),
               "the libcurl of this system has no %s: 7.68 or newer is needed",
               FUNCTIONS[i]);
      return -1;
    }
    memcpy((char *)&found + i * sizeof(function), &function, sizeof(function));
  }
  curl_functions = found;
  return 0;
}

/* An older one lacks options that the core was compiled to set. */
static int check_version (void) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  if (info->version_num >= LIBCURL_VERSION_NUM)
    return 0;
  snprintf(reason, sizeof(reason),
           "it was built for libcurl %d.%d.%d, and this is %s: build it again",
           LIBCURL_VERSION_NUM >> 16, LIBCURL_VERSION_NUM >> 8 & 0xff,
           LIBCURL_VERSION_NUM & 0xff, info->version);
  return -1;
}

static int open_it (void) {
  void *library = open_any();
  if (library == NULL) {
    snprintf(reason, sizeof(reason),
             "libcurl is not installed (no %s): install curl by the system's "
             "package manager",
             NAMES[0]);
    return -1;
  }
  if (find_functions(library) == 0 && check_version() == 0)
    return 0;
  dlclose(library); /* nothing of it has been started */
  return -1;
}

const char *curl_library_open (void) {
  const char *why;
  pthread_mutex_lock(&lock);
  is_open = is_open || open_it() == 0;
  why = is_open ? NULL : reason;
  pthread_mutex_unlock(&lock);
  return why;
}

#endif
