/*
 * The search along PATH that execvp and posix_spawnp make, candidate by candidate, so that each one
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
	size_t room;	  /* of the longest candidate that is put together, terminated; bytes */
	char *text;	  /* the caller's, `room` bytes */
};

/* Begins to look for `file` as libc would: one candidate if it has a slash in it. 0, or the errno
 * that libc answers without asking the kernel. Then the caller gives `text`: its size depends on
 * PATH, and the stack may be a signal handler's. */
int program_search_begin(struct program_search *search, const char *file);

/* The next candidate; false: there is none. */
bool program_search_next(struct program_search *search);

#endif
