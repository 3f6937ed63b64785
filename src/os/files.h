/*
** files.h - file operations that Lua's io library lacks, for durable and
** private files: exclusive creation, sync, truncation, modes and owners.
*/
#ifndef POSTHOG_LLM_OS_FILES_H
#define POSTHOG_LLM_OS_FILES_H

#include "base/compat.h"

#pragma GCC visibility push(hidden)

/* Adds create_file, create_folder, read_file, real_path, set_mode, sync and
** truncate to the module table on top of the stack. */
void files_open (lua_State *L);

#pragma GCC visibility pop

#endif
