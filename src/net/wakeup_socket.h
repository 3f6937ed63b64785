/*
** wakeup_socket.h - a unix socket by which the engine wakes Lua, for hosts
** whose event loop reads sockets but takes no descriptor from outside.
*/
#ifndef POSTHOG_LLM_NET_WAKEUP_SOCKET_H
#define POSTHOG_LLM_NET_WAKEUP_SOCKET_H

#pragma GCC visibility push(hidden)

#define WAKEUP_SOCKET_FILE "/wakeup"

/*
** A socket that listens until somebody has connected: nginx does so by its
** path, so there has to be one. It lies in a directory that only this user
** enters, and only this process is let in.
*/
typedef struct WakeupSocket {
  int listener;       /* -1: closed */
  char directory[64]; /* "": none */
  char path[64 + sizeof(WAKEUP_SOCKET_FILE)];
} WakeupSocket;

/* Begins to listen. 0, or -1 with errno and *why, what could not be done. */
int wakeup_socket_open (WakeupSocket *s, const char **why);

/* The connection that this process has made; -1 with errno without one. */
int wakeup_socket_accept (const WakeupSocket *s);

void wakeup_socket_close (WakeupSocket *s); /* safe to repeat */

#pragma GCC visibility pop

#endif
