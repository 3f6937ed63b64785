/*
** terminal.h - what a program needs of the terminal that it runs in: its width,
** a line that is not shown, and to be asked to stop in place of being killed.
*/
#ifndef POSTHOG_LLM_OS_TERMINAL_H
#define POSTHOG_LLM_OS_TERMINAL_H

#include "base/compat.h"

#pragma GCC visibility push(hidden)

/* Adds columns, hold_streams, catch_interrupts, interrupted and read_hidden to
** the module table on top of the stack. */
void terminal_open (lua_State *L);

#pragma GCC visibility pop

#endif
