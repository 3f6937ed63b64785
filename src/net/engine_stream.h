/*
** engine_stream.h - a response whose body Lua reads while it arrives.
**
** From the first byte of a 2xx body on, the transfer is streaming: status and
** headers are final, and each piece of the body is appended to
** transfer.response, from which Lua takes it. While that is not empty, the
** transfer is in the list of finished ones, which wakes a waiting Lua. When it
** is full, libcurl pauses, and the server with it, so that a body of any length
** needs little memory. Any other response is collected as usual.
*/
#ifndef POSTHOG_LLM_NET_ENGINE_STREAM_H
#define POSTHOG_LLM_NET_ENGINE_STREAM_H

#include "engine.h"

#pragma GCC visibility push(hidden)

/* On the engine's thread, in libcurl's callback: takes a piece of the body.
** Returns what the callback must return. */
size_t stream_deliver (Engine *e, Transfer *t, const char *bytes, size_t len);

/* On the engine's thread: whether the transfer was paused; clears the flag. */
int stream_resume (Engine *e, Transfer *t);

/*
** On Lua's thread: moves what has arrived to `into`, which must be empty or
** NULL. Returns whether the transfer is done: then nothing more will arrive.
** If there was nothing, the timeout for the next piece starts.
*/
int stream_take (Engine *e, Transfer *t, Buffer *into);

/* On Lua's thread: whether it is streaming. */
int stream_is_open (Engine *e, Transfer *t);

#pragma GCC visibility pop

#endif
