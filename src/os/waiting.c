/*
** waiting.c - a monotonic clock, and sleep. Has no state.
*/
#include "base/clock.h"

#include "waiting.h"

#include <poll.h>

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

void waiting_open (lua_State *L) {
  static const luaL_Reg functions[] = {
      {"now", waiting_now}, {"sleep", waiting_sleep}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
