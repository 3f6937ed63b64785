/*
** process.c - what the process has once: libcurl, the handlers of fork and
** exit. Any thread may call it, also several at the same time.
*/
#include "process.h"

#include <pthread.h>
#include <stdlib.h>

volatile unsigned process_forks = 0;

static pthread_mutex_t init_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*tell_child)(void);

static void in_this_child (void) {
  process_forks++;
  pthread_mutex_init(&init_lock, NULL);
  tell_child();
}

CURLcode process_init (void (*in_child)(void), void (*at_exit)(void)) {
  static int forking, exiting;
  static CURLcode libcurl = CURLE_FAILED_INIT;
  CURLcode c;
  pthread_mutex_lock(&init_lock);
  if (libcurl != CURLE_OK)
    libcurl = curl_global_init(CURL_GLOBAL_DEFAULT);
  tell_child = in_child;
  forking = forking || pthread_atfork(NULL, NULL, in_this_child) == 0;
  exiting = exiting || atexit(at_exit) == 0;
  c = forking && exiting ? libcurl : CURLE_OUT_OF_MEMORY;
  pthread_mutex_unlock(&init_lock);
  return c;
}
