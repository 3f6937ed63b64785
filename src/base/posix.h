/*
** posix.h - enables the POSIX declarations, which -std=c99 hides. It has to
** precede all system headers, so it is the first include of every file.
*/
#ifndef POSTHOG_LLM_BASE_POSIX_H
#define POSTHOG_LLM_BASE_POSIX_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#endif
