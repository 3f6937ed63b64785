/*
** wakeup_socket.h - a unix socket through which the engine wakes Lua, for hosts
** whose event loop reads its own sockets, but no descriptor of other code.
*/
#ifndef POSTHOG_LLM_NET_WAKEUP_SOCKET_H
#define POSTHOG_LLM_NET_WAKEUP_SOCKET_H

#pragma GCC visibility push(hidden)

#define WAKEUP_SOCKET_FILE "/wakeup"

/*
** A socket that listens until a connection is made. nginx connects by a path,
** so it has one, in a directory that only this user can enter; and only this
** process is accepted.
*/
typedef struct WakeupSocket {
  int listener;       /* -1: closed */
  char directory[64]; /* "": none */
  char path[64 + sizeof(WAKEUP_SOCKET_FILE)];
} WakeupSocket;

/* Starts to listen. 0, or -1 with errno and what failed in *why. */
int wakeup_socket_open (WakeupSocket *s, const char **why);

/* The connection that this process has made, or -1 with errno. */
int wakeup_socket_accept (const WakeupSocket *s);

void wakeup_socket_close (WakeupSocket *s); /* may be called again */

#pragma GCC visibility pop

#endif
