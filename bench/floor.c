/*
** floor.c - what a GET costs with libcurl alone: the same request again and
** again by one easy handle, the body thrown away.
**
**   floor count url ca_file header ...     ca_file: "" for libcurl's own
**
** One more request, before the clocks start, opens the connection. Prints
**   <CPU seconds> <wall seconds> <bytes of a body> <HTTP version>
*/
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static size_t received;

static size_t on_body (char *bytes, size_t size, size_t n, void *unused) {
  (void)bytes;
  (void)unused;
  received += size * n;
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

static void get (CURL *easy) {
  long status = 0;
  CURLcode code;
  received = 0;
  code = curl_easy_perform(easy);
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (code == CURLE_OK && status == 200)
    return;
  fprintf(stderr, "floor: status %ld, %s\n", status, curl_easy_strerror(code));
  exit(1);
}

static const char *version_of (CURL *easy) {
  long version = 0;
  curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
  return version == CURL_HTTP_VERSION_2_0 ? "2" : "1.1";
}

int main (int argc, char **argv) {
  struct curl_slist *headers = NULL;
  double cpu_before, wall_before;
  CURL *easy;
  int i, count;
  if (argc < 4) {
    fprintf(stderr, "usage: floor count url ca_file header ...\n");
    return 2;
  }
  count = atoi(argv[1]);
  for (i = 4; i < argc; i++)
    headers = curl_slist_append(headers, argv[i]);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  easy = curl_easy_init();
  if (easy == NULL)
    return 1;
  curl_easy_setopt(easy, CURLOPT_URL, argv[2]);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  if (argv[3][0] != '\0')
    curl_easy_setopt(easy, CURLOPT_CAINFO, argv[3]);
  get(easy);
  cpu_before = cpu();
  wall_before = wall();
  for (i = 0; i < count; i++)
    get(easy);
  printf("%.6f %.6f %lu %s\n", cpu() - cpu_before, wall() - wall_before,
         (unsigned long)received, version_of(easy));
  curl_easy_cleanup(easy);
  curl_slist_free_all(headers);
  curl_global_cleanup();
  return 0;
}
