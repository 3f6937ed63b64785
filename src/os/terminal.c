/*
** terminal.c - the terminal and the signals, which are the process's: all Lua
** states see the same.
*/
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/*
** core.columns(fd) -> columns | nil
** Of the terminal; nil where there is none, 80 where it does not say.
*/
static int terminal_columns (lua_State *L) {
  int fd = (int)luaL_checkinteger(L, 1);
  int columns = 80;
#if defined(TIOCGWINSZ)
  struct winsize size;
#endif
  if (!isatty(fd)) {
    lua_pushnil(L);
    return 1;
  }
#if defined(TIOCGWINSZ)
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    columns = size.ws_col;
#endif
  lua_pushinteger(L, columns);
  return 1;
}

/*
** core.hold_streams()
** Opens /dev/null where a standard stream is closed, lest a file or connection
** gets its number, and with it what is written to the stream. It is open the
** wrong way round, so that reading and writing fail as ever.
*/
static int terminal_hold (lua_State *L) {
  int fd;
  (void)L;
  for (fd = 0; fd <= 2; fd++) /* open takes the lowest that is free */
    if (fcntl(fd, F_GETFD) == -1 && errno == EBADF)
      (void)open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
  return 0;
}

/* Signals are the process's, so this is not a state's. */
static volatile sig_atomic_t caught = 0;

static void catch (int signal_number) {
  caught = signal_number;
}

/*
** core.catch_interrupts()
** From now on the first SIGINT, SIGTERM or SIGHUP is only noted; a second of
** the same kind does what it always does (SA_RESETHAND), so that a program that
** does not ask can be ended. One that was ignored (nohup) stays ignored. It
** breaks off a wait of the core's, since poll is never begun again. SIGXFSZ is
** ignored, so that a file that grows too large is an error of the write.
*/
static int terminal_catch (lua_State *L) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  size_t i;
  (void)L;
  for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
    struct sigaction before, now;
    if (sigaction(signals[i], NULL, &before) != 0 ||
        before.sa_handler == SIG_IGN)
      continue;
    memset(&now, 0, sizeof(now));
    now.sa_handler = catch;
    now.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&now.sa_mask);
    (void)sigaction(signals[i], &now, NULL);
  }
  (void)signal(SIGXFSZ, SIG_IGN);
  return 0;
}

/* core.interrupted() -> the number of the signal | nil */
static int terminal_interrupted (lua_State *L) {
  if (caught == 0)
    lua_pushnil(L);
  else
    lua_pushinteger(L, caught);
  return 1;
}

void terminal_open (lua_State *L) {
  static const luaL_Reg functions[] = {
      {"columns", terminal_columns},
      {"hold_streams", terminal_hold},
      {"catch_interrupts", terminal_catch},
      {"interrupted", terminal_interrupted},
      {NULL, NULL},
  };
  luaL_setfuncs(L, functions, 0);
}
