/*
** Preloaded behind the sanitizer's runtime: children of the Lua under test
** (nginx, curl, a shell) start without either.
*/
#include <stdlib.h>

__attribute__((constructor)) static void unpreload (void) {
  unsetenv("LD_PRELOAD");
}
