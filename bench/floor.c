/*
** floor.c - what a GET costs with libcurl alone: the same request again and
** again by one easy handle, the body collected and not looked at.
**
**   floor count warm_count base warm_path path ca_file header ...
**
** As bench/caller.lua, whose words these are, it prints
**   <CPU seconds> <wall seconds> <kilobytes it grew by, at most> <bytes>
*/
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

typedef struct Body {
  char *bytes;
  size_t used, size;
} Body;

static size_t on_body (char *bytes, size_t size, size_t n, void *to) {
  Body *body = to;
  size_t wanted = body->used + size * n;
  if (wanted > body->size) {
    size_t grown = wanted > 2 * body->size ? wanted : 2 * body->size;
    char *moved = realloc(body->bytes, grown);
    if (moved == NULL)
      return 0;
    body->bytes = moved;
    body->size = grown;
  }
  memcpy(body->bytes + body->used, bytes, size * n);
  body->used = wanted;
  return size * n;
}

static double seconds_of (struct timeval t) {
  return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double cpu (void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

static double wall (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* 0 where the system does not tell */
static long kilobytes (const char *what) {
  char line[256];
  long value = 0;
  FILE *status = fopen("/proc/self/status", "r");
  if (status == NULL)
    return 0;
  while (fgets(line, sizeof line, status) != NULL)
    if (strncmp(line, what, strlen(what)) == 0)
      value = strtol(line + strlen(what), NULL, 10);
  fclose(status);
  return value;
}

/* returns the bytes of the body */
static size_t get (CURL *easy, const char *base, const char *path) {
  char url[1024];
  long status = 0;
  CURLcode code;
  Body body = {NULL, 0, 0};
  snprintf(url, sizeof url, "%s%s", base, path);
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
  code = curl_easy_perform(easy);
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  free(body.bytes);
  if (code == CURLE_OK && status == 200)
    return body.used;
  fprintf(stderr, "floor: status %ld, %s\n", status, curl_easy_strerror(code));
  exit(1);
}

int main (int argc, char **argv) {
  struct curl_slist *headers = NULL;
  double used, passed;
  size_t bytes = 0;
  long resident;
  CURL *easy;
  int i, count;
  if (argc < 7) {
    fprintf(stderr, "usage: floor count warm_count base warm_path path ca_file "
                    "header ...\n");
    return 2;
  }
  count = atoi(argv[1]);
  for (i = 7; i < argc; i++)
    headers = curl_slist_append(headers, argv[i]);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  easy = curl_easy_init();
  if (easy == NULL)
    return 1;
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  if (argv[6][0] != '\0')
    curl_easy_setopt(easy, CURLOPT_CAINFO, argv[6]);
  for (i = atoi(argv[2]); i > 0; i--)
    get(easy, argv[3], argv[4]);
  resident = kilobytes("VmRSS:");
  used = cpu();
  passed = wall();
  for (i = 0; i < count; i++)
    bytes = get(easy, argv[3], argv[5]);
  used = cpu() - used;
  passed = wall() - passed;
  printf("%.6f %.6f %ld %lu\n", used, passed, kilobytes("VmHWM:") - resident,
         (unsigned long)bytes);
  curl_easy_cleanup(easy);
  curl_slist_free_all(headers);
  curl_global_cleanup();
  return 0;
}
