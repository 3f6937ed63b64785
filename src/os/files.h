/*
** files.h - what Lua's io library lacks for files that have to last or to stay
** private: to create one that was not there before, to wait until it is on the
** disk, to tell who may use it and to change that.
*/
#ifndef POSTHOG_LLM_OS_FILES_H
#define POSTHOG_LLM_OS_FILES_H

#include "base/compat.h"

#pragma GCC visibility push(hidden)

/* Adds create_file, create_folder, read_file, real_path, set_mode and sync
** to the module table on top of the stack. */
void files_open (lua_State *L);

#pragma GCC visibility pop

#endif
