/*
** pages.h - memory that is given back to the system before it is freed.
*/
#ifndef POSTHOG_LLM_BASE_PAGES_H
#define POSTHOG_LLM_BASE_PAGES_H

#pragma GCC visibility push(hidden)

/*
** Gives back the whole pages in [from, to), of memory of malloc. What they hold
** is undefined from then on; they can be read and written, and are freed, as
** before. Returns where the next ones may begin. Does nothing on a system that
** has no way to do so.
*/
char *pages_discard (char *from, char *to);

#pragma GCC visibility pop

#endif
