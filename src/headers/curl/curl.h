/*
** curl.h - what the core uses of libcurl, for build.lua, when its headers are
** not installed. libcurl changes these numbers and layouts only with its
** soname. The core is not linked with it: curl_library.c opens it, and each
** function is called through a pointer.
**
** LIBCURL_VERSION_NUM, of the installed libcurl, is passed to the compiler.
*/
#ifndef POSTHOG_LLM_HEADERS_CURL_H
#define POSTHOG_LLM_HEADERS_CURL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#if !defined(LIBCURL_VERSION_NUM)
#error "LIBCURL_VERSION_NUM is not given; build.lua does"
#endif

#define CURL_OPENED_AT_RUN_TIME 1

typedef void CURL;
typedef void CURLM;
typedef struct Curl_URL CURLU;
typedef int curl_socket_t;
typedef int64_t curl_off_t;

struct curl_slist {
  char *data;
  struct curl_slist *next;
};

typedef enum {
  CURLE_OK = 0,
  CURLE_UNSUPPORTED_PROTOCOL = 1,
  CURLE_FAILED_INIT = 2,
  CURLE_URL_MALFORMAT = 3,
  CURLE_NOT_BUILT_IN = 4,
  CURLE_COULDNT_RESOLVE_PROXY = 5,
  CURLE_COULDNT_RESOLVE_HOST = 6,
  CURLE_COULDNT_CONNECT = 7,
  CURLE_WEIRD_SERVER_REPLY = 8,
  CURLE_PARTIAL_FILE = 18,
  CURLE_WRITE_ERROR = 23,
  CURLE_OUT_OF_MEMORY = 27,
  CURLE_OPERATION_TIMEDOUT = 28,
  CURLE_SSL_CONNECT_ERROR = 35,
  CURLE_ABORTED_BY_CALLBACK = 42,
  CURLE_BAD_FUNCTION_ARGUMENT = 43,
  CURLE_UNKNOWN_OPTION = 48,
  CURLE_GOT_NOTHING = 52,
  CURLE_SSL_ENGINE_NOTFOUND = 53,
  CURLE_SSL_ENGINE_SETFAILED = 54,
  CURLE_SEND_ERROR = 55,
  CURLE_RECV_ERROR = 56,
  CURLE_SSL_CERTPROBLEM = 58,
  CURLE_SSL_CIPHER = 59,
  CURLE_PEER_FAILED_VERIFICATION = 60,
  CURLE_BAD_CONTENT_ENCODING = 61,
  CURLE_SSL_ENGINE_INITFAILED = 66,
  CURLE_SSL_CACERT_BADFILE = 77,
  CURLE_SSL_SHUTDOWN_FAILED = 80,
  CURLE_SSL_CRL_BADFILE = 82,
  CURLE_SSL_ISSUER_ERROR = 83,
  CURLE_SSL_PINNEDPUBKEYNOTMATCH = 90,
  CURLE_SSL_INVALIDCERTSTATUS = 91,
  CURLE_PROXY = 97,
  CURLE_SSL_CLIENTCERT = 98
} CURLcode;

typedef enum {
  CURLOPT_LOW_SPEED_LIMIT = 19,
  CURLOPT_LOW_SPEED_TIME = 20,
  CURLOPT_SSLVERSION = 32,
  CURLOPT_NOBODY = 44,
  CURLOPT_POST = 47,
  CURLOPT_FRESH_CONNECT = 74,
  CURLOPT_FORBID_REUSE = 75,
  CURLOPT_HTTPGET = 80,
  CURLOPT_HTTP_VERSION = 84,
  CURLOPT_NOSIGNAL = 99,
  CURLOPT_TIMEOUT_MS = 155,
  CURLOPT_CONNECTTIMEOUT_MS = 156,
  CURLOPT_PROTOCOLS = 181,
  CURLOPT_TCP_KEEPALIVE = 213,
  CURLOPT_PATH_AS_IS = 234,
  CURLOPT_PIPEWAIT = 237,
  CURLOPT_SUPPRESS_CONNECT_HEADERS = 265,
  CURLOPT_MAXAGE_CONN = 288,
  CURLOPT_CA_CACHE_TIMEOUT = 321,
  CURLOPT_QUICK_EXIT = 322,
  CURLOPT_WRITEDATA = 10001,
  CURLOPT_URL = 10002,
  CURLOPT_PROXY = 10004,
  CURLOPT_ERRORBUFFER = 10010,
  CURLOPT_POSTFIELDS = 10015,
  CURLOPT_HTTPHEADER = 10023,
  CURLOPT_HEADERDATA = 10029,
  CURLOPT_CUSTOMREQUEST = 10036,
  CURLOPT_CAINFO = 10065,
  CURLOPT_CAPATH = 10097,
  CURLOPT_ACCEPT_ENCODING = 10102,
  CURLOPT_PRIVATE = 10103,
  CURLOPT_NOPROXY = 10177,
  CURLOPT_CLOSESOCKETDATA = 10209,
  CURLOPT_REQUEST_TARGET = 10266,
  CURLOPT_CURLU = 10282,
  CURLOPT_PREREQDATA = 10313,
  CURLOPT_PROTOCOLS_STR = 10318,
  CURLOPT_WRITEFUNCTION = 20011,
  CURLOPT_HEADERFUNCTION = 20079,
  CURLOPT_CLOSESOCKETFUNCTION = 20208,
  CURLOPT_PREREQFUNCTION = 20312,
  CURLOPT_POSTFIELDSIZE_LARGE = 30120
} CURLoption;

typedef enum {
  CURLINFO_PRIVATE = 1048597,
  CURLINFO_RESPONSE_CODE = 2097154,
  CURLINFO_REQUEST_SIZE = 2097164,
  CURLINFO_SSL_VERIFYRESULT = 2097165,
  CURLINFO_HTTP_CONNECTCODE = 2097174,
  CURLINFO_OS_ERRNO = 2097177,
  CURLINFO_LOCAL_PORT = 2097194,
  CURLINFO_HTTP_VERSION = 2097198,
  CURLINFO_PROXY_SSL_VERIFYRESULT = 2097199,
  CURLINFO_ACTIVESOCKET = 5242924,
  CURLINFO_SIZE_UPLOAD_T = 6291463,
  CURLINFO_TOTAL_TIME_T = 6291506,
  CURLINFO_NAMELOOKUP_TIME_T = 6291507,
  CURLINFO_CONNECT_TIME_T = 6291508,
  CURLINFO_STARTTRANSFER_TIME_T = 6291510,
  CURLINFO_APPCONNECT_TIME_T = 6291512
} CURLINFO;

typedef enum { CURLM_OK = 0 } CURLMcode;

typedef enum {
  CURLMOPT_MAXCONNECTS = 6,
  CURLMOPT_MAX_HOST_CONNECTIONS = 7,
  CURLMOPT_SOCKETDATA = 10002,
  CURLMOPT_TIMERDATA = 10005,
  CURLMOPT_SOCKETFUNCTION = 20001,
  CURLMOPT_TIMERFUNCTION = 20004
} CURLMoption;

typedef enum { CURLMSG_DONE = 1 } CURLMSG;

typedef enum {
  CURLUE_OK = 0,
  CURLUE_BAD_PORT_NUMBER = 4,
  CURLUE_OUT_OF_MEMORY = 7,
  CURLUE_NO_HOST = 14
} CURLUcode;

typedef enum {
  CURLUPART_URL = 0,
  CURLUPART_HOST = 5,
  CURLUPART_PORT = 6,
  CURLUPART_PATH = 7,
  CURLUPART_QUERY = 8
} CURLUPart;

typedef enum { CURLVERSION_SEVENTH = 6, CURLVERSION_NOW = 10 } CURLversion;

#define CURLPROTO_HTTP           1
#define CURLPROTO_HTTPS          2
#define CURLU_DEFAULT_PORT       1
#define CURLU_GUESS_SCHEME       512
#define CURLU_NON_SUPPORT_SCHEME 8
#define CURLU_PATH_AS_IS         16
#define CURL_CSELECT_ERR         4
#define CURL_CSELECT_IN          1
#define CURL_CSELECT_OUT         2
#define CURL_ERROR_SIZE          256
#define CURL_GLOBAL_DEFAULT      3
#define CURL_HTTP_VERSION_1_0    1
#define CURL_HTTP_VERSION_1_1    2
#define CURL_HTTP_VERSION_2TLS   4
#define CURL_HTTP_VERSION_2_0    3
#define CURL_HTTP_VERSION_3      30
#define CURL_HTTP_VERSION_NONE   0
#define CURL_POLL_IN             1
#define CURL_POLL_INOUT          3
#define CURL_POLL_OUT            2
#define CURL_PREREQFUNC_ABORT    1
#define CURL_PREREQFUNC_OK       0
#define CURL_SSLVERSION_TLSv1_2  6
#define CURL_SOCKET_BAD          (-1)
#define CURL_SOCKET_TIMEOUT      (-1)
#define CURL_VERSION_BROTLI      (1 << 23)
#define CURL_VERSION_LIBZ        (1 << 3)
#define CURL_WRITEFUNC_PAUSE     268435457
#define CURLPAUSE_CONT           0
#define CURLPAUSE_ALL            5
#define CURLPAUSE_RECV           1
#define CURLPAUSE_RECV_CONT      0

typedef struct CURLMsg {
  CURLMSG msg;
  CURL *easy_handle;
  union {
    void *whatever;
    CURLcode result;
  } data;
} CURLMsg;

/* The fields that are read here; `age` says which of them a libcurl has. */
typedef struct curl_version_info_data {
  CURLversion age;
  const char *version;
  unsigned int version_num;
  const char *host;
  int features;
  const char *ssl_version;
  long ssl_version_num;
  const char *libz_version;
  const char *const *protocols;
  const char *ares;
  int ares_num;
  const char *libidn;
  int iconv_ver_num;
  const char *libssh_version;
  unsigned int brotli_ver_num;
  const char *brotli_version;
  unsigned int nghttp2_ver_num;
  const char *nghttp2_version;
  const char *quic_version;
  const char *cainfo; /* CURLVERSION_SEVENTH */
  const char *capath;
} curl_version_info_data;

/* F(result, name without curl_, parameters) for each function. */
/* clang-format off */
#define CURL_FUNCTIONS(F) \
  F(CURL *, easy_init, (void)) \
  F(void, easy_cleanup, (CURL *curl)) \
  F(CURLcode, easy_setopt, (CURL *curl, CURLoption option, ...)) \
  F(CURLcode, easy_getinfo, (CURL *curl, CURLINFO info, ...)) \
  F(CURLcode, easy_pause, (CURL *curl, int what)) \
  F(const char *, easy_strerror, (CURLcode code)) \
  F(void, free, (void *p)) \
  F(CURLcode, global_init, (long flags)) \
  F(CURLMcode, multi_add_handle, (CURLM *multi, CURL *curl)) \
  F(CURLMcode, multi_cleanup, (CURLM *multi)) \
  F(CURLMsg *, multi_info_read, (CURLM *multi, int *left)) \
  F(CURLM *, multi_init, (void)) \
  F(CURLMcode, multi_remove_handle, (CURLM *multi, CURL *curl)) \
  F(CURLMcode, multi_setopt, (CURLM *multi, CURLMoption option, ...)) \
  F(CURLMcode, multi_socket_action, (CURLM *multi, curl_socket_t s, int events, int *running)) \
  F(struct curl_slist *, slist_append, (struct curl_slist *list, const char *line)) \
  F(void, slist_free_all, (struct curl_slist *list)) \
  F(CURLU *, url, (void)) \
  F(void, url_cleanup, (CURLU *url)) \
  F(CURLUcode, url_get, (const CURLU *url, CURLUPart part, char **text, unsigned int flags)) \
  F(CURLUcode, url_set, (CURLU *url, CURLUPart part, const char *text, unsigned int flags)) \
  F(curl_version_info_data *, version_info, (CURLversion now))
/* clang-format on */

#define CURL_FUNCTION_POINTER(result, name, parameters)                        \
  result(*name) parameters;

/* Filled once, by curl_library_open, before any of them is called. */
extern struct curl_functions {
  CURL_FUNCTIONS(CURL_FUNCTION_POINTER)
} curl_functions __attribute__((visibility("hidden")));

#define curl_easy_init           curl_functions.easy_init
#define curl_easy_cleanup        curl_functions.easy_cleanup
#define curl_easy_setopt         curl_functions.easy_setopt
#define curl_easy_getinfo        curl_functions.easy_getinfo
#define curl_easy_pause          curl_functions.easy_pause
#define curl_easy_strerror       curl_functions.easy_strerror
#define curl_free                curl_functions.free
#define curl_global_init         curl_functions.global_init
#define curl_multi_add_handle    curl_functions.multi_add_handle
#define curl_multi_cleanup       curl_functions.multi_cleanup
#define curl_multi_info_read     curl_functions.multi_info_read
#define curl_multi_init          curl_functions.multi_init
#define curl_multi_remove_handle curl_functions.multi_remove_handle
#define curl_multi_setopt        curl_functions.multi_setopt
#define curl_multi_socket_action curl_functions.multi_socket_action
#define curl_slist_append        curl_functions.slist_append
#define curl_slist_free_all      curl_functions.slist_free_all
#define curl_url                 curl_functions.url
#define curl_url_cleanup         curl_functions.url_cleanup
#define curl_url_get             curl_functions.url_get
#define curl_url_set             curl_functions.url_set
#define curl_version_info        curl_functions.version_info

#endif
