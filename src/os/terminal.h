/*
** terminal.h - the terminal of a program: its width, reading a line without
** echo, and catching the signals that would kill the program.
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
