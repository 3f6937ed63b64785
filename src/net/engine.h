/*
** engine.h - the I/O engine: it owns every multi and easy handle.
**
** Lua submits transfers and collects finished ones. An editor or a web server
** must not wait for libcurl: for them engine_run starts a thread that does all
** the work (callbacks, name lookups, TLS, decompression), and a descriptor is
** readable while there is something to collect. A script that only waits runs
** the same turns on its own thread, in engine_wait, which saves two thread
** switches per call.
*/
#ifndef POSTHOG_LLM_NET_ENGINE_H
#define POSTHOG_LLM_NET_ENGINE_H

#include "pool.h"
#include "transfer.h"

#pragma GCC visibility push(hidden)

typedef struct Engine Engine;

/*
** These are called from Lua's thread. After a fork the child must not use the
** parent's engine: engine_usable then returns 0.
*/
Engine *engine_new (const char **why); /* NULL with a reason */
int engine_usable (const Engine *e);   /* of this process, and not stopped */
void engine_retain (Engine *e);
void engine_release (Engine *e); /* the last reference frees the memory */
void engine_stop (Engine *e);    /* ends all transfers, joins the thread */
int engine_run (Engine *e, const char **why); /* 0, or -1: no thread */
int engine_fd (const Engine *e);              /* once the thread runs */
/* From now on the thread writes to this descriptor, which the engine then owns,
** instead of making that of engine_fd readable. */
void engine_set_wakeup (Engine *e, int fd);
/* Waits at most most_ms (-1: without limit) until there is something to
** collect, or a signal arrives. Returns whether there is something. */
int engine_wait (Engine *e, int most_ms);
/* Waits for t, and collects it if it is the first one finished. Returns 1 when
** it is ready and there is nothing else to collect, the usual case of a single
** call; 0 when there is something to collect, or after a signal. */
int engine_await (Engine *e, Transfer *t);

Pool *engine_pool (Engine *e); /* a new one; NULL: out of memory */
void engine_close_pool (Engine *e, Pool *p); /* cancels all, frees p */

/* Submits a transfer, to which the engine then has a reference. 0, or -1 and
** why. */
int engine_start (Engine *e, Pool *p, Transfer *t, const char **why);
void engine_cancel (Engine *e, Transfer *t);
int engine_done (Engine *e, Transfer *t);
/* Whether t is done or, for a stream, whether there is data to take. */
int engine_ready (Engine *e, Transfer *t);
void engine_drop (Engine *e, Transfer *t); /* releases Lua's reference */

/* Frees the body of a finished transfer, once its response has been read. */
void engine_free_body (Engine *e, Transfer *t);
/* Makes a finished transfer as new and returns 1; returns 0, and does nothing,
** if Lua has not the only reference. */
int engine_reset (Engine *e, Transfer *t);
/* Bytes of responses that are stored for handles which may be garbage. */
size_t engine_unread (Engine *e);

/* The first finished transfer, or NULL; and its removal from the list. */
Transfer *engine_peek (Engine *e);
void engine_take (Engine *e);

/* Called by pools on the engine's thread. */
void engine_finish (Engine *e, Transfer *t);
/* Any transfer of the pool that has not ended, with `active` one in the multi
** handle; NULL: none. */
Transfer *engine_owned (Engine *e, Pool *p, int active);
/* Any transfer in the pool's multi handle that is overdue; NULL: none, and
** *next_ms is when the first one will be (-1: never). */
Transfer *engine_overdue (Engine *e, Pool *p, int64_t now_ms, int64_t *next_ms);
/* events as for poll(); 0 removes the descriptor. 0, or -1: out of memory. */
int engine_watch (Engine *e, Pool *p, int fd, short events);

#pragma GCC visibility pop

#endif
