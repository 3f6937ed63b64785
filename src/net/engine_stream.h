/*
** engine_stream.h - a response whose body Lua reads while it arrives.
**
** Once the first byte of a response of 2xx is there, the transfer is streaming:
** status and headers are final, and each piece of the body goes into
** transfer.response, from which Lua takes it. As long as there is something,
** the transfer is listed as finished, so that whoever waits for it is woken.
** When as much lies there as may, libcurl waits, and with it the server; so a
** body of any length takes little memory. Any other response is collected and
** finished as ever.
*/
#ifndef POSTHOG_LLM_NET_ENGINE_STREAM_H
#define POSTHOG_LLM_NET_ENGINE_STREAM_H

#include "engine.h"

#pragma GCC visibility push(hidden)

/* On the engine's thread, in libcurl's callback: a piece of the body. Returns
** what the callback is to return. */
size_t stream_deliver (Engine *e, Transfer *t, const char *bytes, size_t len);

/* On the engine's thread: is libcurl to go on? It is asked once. */
int stream_resume (Engine *e, Transfer *t);

/*
** On Lua's thread: moves what has come into `into`, which is empty, unless
*NULL. Returns
** whether the transfer is done, so that nothing more will come. When there is
** nothing yet, its time to wait for more begins.
*/
int stream_take (Engine *e, Transfer *t, Buffer *into);

/* On Lua's thread: is it streaming? */
int stream_is_open (Engine *e, Transfer *t);

#pragma GCC visibility pop

#endif
