/*
** terminal.c - the terminal and the signals. Both belong to the process, so all
** Lua states share them.
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
** core.columns(fd) -> columns, rows? | nil
** The size of the terminal; nil: not a terminal. Unknown columns are 80,
** unknown rows nil.
*/
static int terminal_columns (lua_State *L) {
  int fd = (int)luaL_checkinteger(L, 1);
  int columns = 80, rows = 0;
#if defined(TIOCGWINSZ)
  struct winsize size;
#endif
  if (!isatty(fd)) {
    lua_pushnil(L);
    return 1;
  }
#if defined(TIOCGWINSZ)
  if (ioctl(fd, TIOCGWINSZ, &size) == 0) {
    columns = size.ws_col > 0 ? size.ws_col : columns;
    rows = size.ws_row;
  }
#endif
  lua_pushinteger(L, columns);
  if (rows == 0)
    return 1;
  lua_pushinteger(L, rows);
  return 2;
}

/*
** core.hold_streams()
** Opens /dev/null for each standard stream that is closed. Otherwise a file or
** connection could get its number, and would receive what is written to the
** stream. It is opened in the wrong direction, so that reading and writing
** still fail.
*/
static int terminal_hold (lua_State *L) {
  int fd;
  (void)L;
  for (fd = 0; fd <= 2; fd++) /* open returns the lowest free number */
    if (fcntl(fd, F_GETFD) == -1 && errno == EBADF)
      (void)open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
  return 0;
}

/* The signals that ask a program to end. */
static const int TERMINATING[] = {SIGINT, SIGTERM, SIGHUP};

/* Signals belong to the process, so this is not per Lua state. */
static volatile sig_atomic_t caught = 0;

static void catch (int signal_number) {
  caught = signal_number;
}

/*
** core.catch_interrupts()
** From now on the first SIGINT, SIGTERM or SIGHUP is only recorded. A second
** one of the same kind has its default effect (SA_RESETHAND), so that a program
** that never checks can still be ended. A signal that was ignored (nohup) stays
** ignored. A recorded signal ends a wait of the core, since poll is not
** restarted. SIGXFSZ is ignored, so that writing a file beyond its size limit
** returns an error.
*/
static int terminal_catch (lua_State *L) {
  size_t i;
  (void)L;
  for (i = 0; i < sizeof(TERMINATING) / sizeof(TERMINATING[0]); i++) {
    struct sigaction before, now;
    if (sigaction(TERMINATING[i], NULL, &before) != 0 ||
        before.sa_handler == SIG_IGN)
      continue;
    memset(&now, 0, sizeof(now));
    now.sa_handler = catch;
    now.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&now.sa_mask);
    (void)sigaction(TERMINATING[i], &now, NULL);
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

/* Waits until fd is readable, or a signal is recorded. The signals are
** unblocked only during the wait, so that none can arrive between the test of
** `caught` and the wait. */
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
  for (i = 0; i < sizeof(TERMINATING) / sizeof(TERMINATING[0]); i++)
    sigaddset(&ends, TERMINATING[i]);
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

/* Reads a line with its line break; -1 on an error or interrupt. */
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

/* Writes a text as far as it can be written. */
static void write_all (int fd, const char *s, size_t len) {
  while (len > 0) {
    ssize_t n = write(fd, s, len);
    if (n < 0 && (errno != EINTR || caught != 0))
      return;
    s += n > 0 ? n : 0;
    len -= n > 0 ? (size_t)n : 0;
  }
}

#define MAX_HIDDEN 4096 /* bytes, the longest line of a terminal */

/*
** core.read_hidden(fd, question?) -> line | nil, message?
** Reads a line from a terminal without echo; only nil at the end of input. The
** question is written to standard error once echo is off, so that no answer is
** shown, however soon it is typed. Echo is always on again when this returns:
** of the keys that send a signal only the one for an interrupt is active, and
** an interrupt is recorded (catch_interrupts) and ends the wait. Text typed
** before is read first. No Lua call in between.
*/
static int terminal_read_hidden (lua_State *L) {
  int fd = (int)luaL_checkinteger(L, 1);
  size_t question_len = 0;
  const char *question = luaL_optlstring(L, 2, "", &question_len);
  char *line = lua_newuserdata(L, MAX_HIDDEN);
  struct termios shown, hidden;
  ssize_t len = -1;
  int code;
  if (tcgetattr(fd, &shown) == 0) {
    hidden = shown;
    hidden.c_lflag &= (tcflag_t) ~(ECHO | ECHOE | ECHOK | ECHONL);
    hidden.c_cc[VQUIT] = _POSIX_VDISABLE; /* these would leave echo off */
    hidden.c_cc[VSUSP] = _POSIX_VDISABLE;
    if (tcsetattr(fd, TCSADRAIN, &hidden) == 0) {
      write_all(STDERR_FILENO, question, question_len);
      len = read_line(fd, line, MAX_HIDDEN);
      code = errno;
      (void)tcsetattr(fd, TCSADRAIN, &shown);
      errno = code;
    }
  }
  if (len > 0) {
    lua_pushlstring(L, line, (size_t)len - (line[len - 1] == '\n'));
    memset(line, 0, MAX_HIDDEN);
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
