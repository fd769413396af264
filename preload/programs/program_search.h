/*
 * The search through PATH that execvp and posix_spawnp make, one candidate at a time, so that each
 * can be recorded, and looked at, before it is tried.
 */
#ifndef FOOTPRINT_PRELOAD_PROGRAMS_PROGRAM_SEARCH_H
#define FOOTPRINT_PRELOAD_PROGRAMS_PROGRAM_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

struct program_search {
	const char *path; /* the candidate, after program_search_next() */
	const char *file;
	size_t file_size;
	const char *rest; /* of PATH; NULL: none left */
	size_t room;	  /* bytes of the longest candidate, with its NUL */
	char *text;	  /* the caller's, `room` bytes */
};

/* Begins a search for `file` as libc makes it; a name with a slash is the only candidate. 0, or the
 * errno that libc returns without asking the kernel. Afterwards the caller sets `text` to a buffer
 * of `room` bytes: how large that is depends on PATH, and the stack may be a signal handler's. */
int program_search_begin(struct program_search *search, const char *file);

/* Goes to the next candidate. False: there is none. */
bool program_search_next(struct program_search *search);

#endif
