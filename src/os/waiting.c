/*
** waiting.c - a monotonic clock, sleep, and whether a read would wait. Has no
** state.
*/
#include "base/clock.h"

#include "waiting.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* core.now() -> seconds on a monotonic clock */
static int waiting_now (lua_State *L) {
  lua_pushnumber(L, (lua_Number)clock_seconds());
  return 1;
}

/* core.sleep(seconds); a signal may end it early */
static int waiting_sleep (lua_State *L) {
  double seconds = luaL_checknumber(L, 1);
  if (seconds > 0)
    poll(NULL, 0, (int)clock_length_ms(seconds));
  return 0;
}

/*
** core.input_at_hand() -> bytes of standard input that can be read without
** waiting, 0 while there are none | nil: a read does not wait, as at the end,
** or this cannot be known
*/
static int waiting_input (lua_State *L) {
  struct pollfd input = {STDIN_FILENO, POLLIN, 0};
  int count = 0;
  int ready = poll(&input, 1, 0);
  if (ready > 0)
    ready = (input.revents & POLLIN) != 0 &&
            ioctl(STDIN_FILENO, FIONREAD, &count) == 0 && count > 0;
  else if (ready == 0)
    ready = 1;
  if (ready == 1)
    lua_pushinteger(L, count);
  else
    lua_pushnil(L);
  return 1;
}

void waiting_open (lua_State *L) {
  static const luaL_Reg functions[] = {{"now", waiting_now},
                                       {"sleep", waiting_sleep},
                                       {"input_at_hand", waiting_input},
                                       {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
