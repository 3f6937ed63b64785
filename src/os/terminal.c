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
#include <sys/select.h>
#include <termios.h>
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

/* Those that ask a program to end. */
static const int ENDS[] = {SIGINT, SIGTERM, SIGHUP};

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
  size_t i;
  (void)L;
  for (i = 0; i < sizeof(ENDS) / sizeof(ENDS[0]); i++) {
    struct sigaction before, now;
    if (sigaction(ENDS[i], NULL, &before) != 0 || before.sa_handler == SIG_IGN)
      continue;
    memset(&now, 0, sizeof(now));
    now.sa_handler = catch;
    now.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&now.sa_mask);
    (void)sigaction(ENDS[i], &now, NULL);
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

/* Waits until there is something to read from fd, or a signal was noted. The
** signals are let in only while it waits, so that none comes unseen between
** the look at `caught` and the wait. */
static int wait_input (int fd) {
  sigset_t ends, before;
  fd_set set;
  size_t i;
  int ready = -1;
  if (fd >= FD_SETSIZE) {
    errno = EBADF;
    return -1;
  }
  sigemptyset(&ends);
  for (i = 0; i < sizeof(ENDS) / sizeof(ENDS[0]); i++)
    sigaddset(&ends, ENDS[i]);
  if (pthread_sigmask(SIG_BLOCK, &ends, &before) != 0)
    return -1;
  errno = EINTR;
  if (caught == 0) {
    FD_ZERO(&set);
    FD_SET(fd, &set);
    ready = pselect(fd + 1, &set, NULL, NULL, NULL, &before);
  }
  i = (size_t)errno;
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  errno = (int)i;
  return ready;
}

/* Reads up to and with the end of a line. -1: it failed, or was interrupted. */
static ssize_t read_line (int fd, char *s, size_t size) {
  size_t len = 0;
  while (len < size && (len == 0 || s[len - 1] != '\n')) {
    ssize_t n = wait_input(fd);
    if (n > 0)
      n = read(fd, s + len, 1);
    if (n < 0 && errno == EINTR && caught == 0)
      continue;
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    len += (size_t)n;
  }
  return (ssize_t)len;
}

#define MOST_HIDDEN 4096 /* bytes: a terminal's line has no more */

/*
** core.read_hidden(fd) -> line | nil, message?
** A line from a terminal that does not show what is typed; nil alone at its
** end. The terminal shows again when this returns, whatever came between: of
** the keys that send a signal only the one for an interrupt stays in force, and
** an interrupt is noted (catch_interrupts) and ends the wait. What had been
** typed before is read first. No Lua call in between.
*/
static int terminal_read_hidden (lua_State *L) {
  int fd = (int)luaL_checkinteger(L, 1);
  char *line = lua_newuserdata(L, MOST_HIDDEN);
  struct termios shown, hidden;
  ssize_t len = -1;
  int code;
  if (tcgetattr(fd, &shown) == 0) {
    hidden = shown;
    hidden.c_lflag &= (tcflag_t) ~(ECHO | ECHOE | ECHOK | ECHONL);
    hidden.c_cc[VQUIT] = _POSIX_VDISABLE; /* they would leave it hidden */
    hidden.c_cc[VSUSP] = _POSIX_VDISABLE;
    if (tcsetattr(fd, TCSADRAIN, &hidden) == 0) {
      len = read_line(fd, line, MOST_HIDDEN);
      code = errno;
      (void)tcsetattr(fd, TCSADRAIN, &shown);
      errno = code;
    }
  }
  if (len > 0) {
    lua_pushlstring(L, line, (size_t)len - (line[len - 1] == '\n'));
    memset(line, 0, MOST_HIDDEN);
    return 1;
  }
  lua_pushnil(L);
  if (len == 0)
    return 1;
  lua_pushstring(L, strerror(errno));
  return 2;
}

void terminal_open (lua_State *L) {
  static const luaL_Reg functions[] = {
      {"columns", terminal_columns},
      {"hold_streams", terminal_hold},
      {"catch_interrupts", terminal_catch},
      {"interrupted", terminal_interrupted},
      {"read_hidden", terminal_read_hidden},
      {NULL, NULL},
  };
  luaL_setfuncs(L, functions, 0);
}
