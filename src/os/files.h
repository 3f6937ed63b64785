/*
** files.h - what Lua's io library lacks for files that have to last: to create
** one that was not there before, and to wait until it is on the disk.
*/
#ifndef POSTHOG_LLM_OS_FILES_H
#define POSTHOG_LLM_OS_FILES_H

#include "base/compat.h"

#pragma GCC visibility push(hidden)

/* Adds create_file and sync to the module table on top of the stack. */
void files_open (lua_State *L);

#pragma GCC visibility pop

#endif
