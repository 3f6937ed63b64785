/*
** still_clock.c - a clock that stands still, to be preloaded: Lua seeds its
** hashes from time(), and where keys collide costs up to 2 % of a decode. With
** this, two runs of one program execute the same instructions.
*/
#include <time.h>

time_t time (time_t *now) {
  if (now != NULL)
    *now = 1;
  return 1;
}
