/*
** engine.h - the I/O engine: it owns every multi and easy handle.
**
** Lua hands transfers in and collects finished ones. An editor or a web
** server must not wait for libcurl: for them engine_run starts a thread on
** which all of it happens (callbacks, name lookups, TLS, decompression), and
** a descriptor is readable while there is something to collect. A script that
** has nothing to do but wait drives the same turns on its own thread, in
** engine_wait, which spares two switches between threads a call.
*/
#ifndef POSTHOG_LLM_NET_ENGINE_H
#define POSTHOG_LLM_NET_ENGINE_H

#include "pool.h"
#include "transfer.h"

#pragma GCC visibility push(hidden)

typedef struct Engine Engine;

/*
** Called from Lua's thread. After a fork the child must not touch the parent's
** engine, which engine_usable tells.
*/
Engine *engine_new (const char **why); /* NULL with a reason */
int engine_usable (const Engine *e);   /* of this process, and not stopped */
void engine_retain (Engine *e);
void engine_release (Engine *e); /* frees the memory with the last one */
void engine_stop (Engine *e);    /* ends all transfers, joins the thread */
int engine_run (Engine *e, const char **why); /* 0, or -1: no thread */
int engine_fd (const Engine *e);              /* of use once the thread runs */
/* From now on the thread writes to this descriptor, which becomes the engine's,
** instead of making the one of engine_fd readable. */
void engine_set_wakeup (Engine *e, int fd);
/* Waits until there is something to collect, most_ms at most (-1: any time),
** or until a signal. Returns whether there is. */
int engine_wait (Engine *e, int most_ms);
/* Waits for t. Returns 1 when it is done and nothing is left to collect, it
** itself included, which is the usual end of a call that is alone; 0 when there
** is something to collect, or after a signal. */
int engine_await (Engine *e, Transfer *t);

Pool *engine_pool (Engine *e);               /* NULL without memory */
void engine_close_pool (Engine *e, Pool *p); /* cancels; p is gone afterwards */

/* 0 and a transfer that the engine holds a reference to, or -1 with why. */
int engine_start (Engine *e, Pool *p, Transfer *t, const char **why);
void engine_cancel (Engine *e, Transfer *t);
int engine_done (Engine *e, Transfer *t);
void engine_drop (Engine *e, Transfer *t); /* the Lua handle goes */

/* The response of a transfer that is done has been read: its body goes. */
void engine_free_body (Engine *e, Transfer *t);
/* Bytes of responses that are held for handles which may be garbage. */
size_t engine_unread (Engine *e);

/* The first of the finished transfers, NULL without one; and its removal. */
Transfer *engine_peek (Engine *e);
void engine_take (Engine *e);

/* Called by pools on the engine's thread. */
void engine_finish (Engine *e, Transfer *t);
/* Some transfer of the pool that has not ended, of those in the multi handle
** where active is asked for; NULL: none. */
Transfer *engine_owned (Engine *e, Pool *p, int active);
/* Some transfer in the pool's multi handle that is overdue; NULL: none, and
** *next_ms is when the first of them will be, -1: none. */
Transfer *engine_overdue (Engine *e, Pool *p, int64_t now_ms, int64_t *next_ms);
/* events as for poll(); 0 forgets the descriptor. 0, or -1 without memory. */
int engine_watch (Engine *e, Pool *p, int fd, short events);

#pragma GCC visibility pop

#endif
