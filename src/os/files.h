/*
** files.h - file operations that Lua's io library lacks, for durable and
** private files: exclusive creation, sync, truncation, modes, owners, names.
*/
#ifndef POSTHOG_LLM_OS_FILES_H
#define POSTHOG_LLM_OS_FILES_H

#include "base/compat.h"

#pragma GCC visibility push(hidden)

/* Adds create_file, create_folder, file_id, read_file, read_link, real_path,
** set_mode, sync and truncate to the module table on top of the stack. */
void files_open (lua_State *L);

#pragma GCC visibility pop

#endif
