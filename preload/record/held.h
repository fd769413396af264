/*
 * Paths through the links in /proc to what the process itself holds: /proc/self/fd/5,
 * /proc/self/cwd/name, /proc/self/root/etc, /dev/fd/5/name. Such a path means another file in each
 * process and at each moment, so it is recorded as where it leads.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_HELD_H
#define FOOTPRINT_PRELOAD_RECORD_HELD_H

#include <stdbool.h>
#include <stddef.h>

struct place;

enum held_kind { HELD_FD, HELD_WORKING_DIRECTORY, HELD_ROOT };

struct held {
	enum held_kind kind;
	int fd;		  /* for HELD_FD; else AT_FDCWD */
	const char *rest; /* what follows the link in the path; "": nothing */
};

bool held_find_there(const char *path, struct held *ret);

/* Is it such a path? The second byte of nearly all paths already says no. */
static inline bool held_find(const char *path, struct held *ret)
{
	return path[0] == '/' && (path[1] == 'p' || path[1] == 'd') && held_find_there(path, ret);
}

/* Writes the absolute path to which the link leads into `buffer`, as directory_place() takes it.
 * False: it leads to something without a name (a pipe, a deleted file), or that cannot be found
 * out. */
bool held_path(const struct held *held, char *buffer, size_t size);

/* Is this the text of a link to a file that has no name, or none any more? */
bool held_is_nameless(const char *path, size_t size);

/* The same as held_path(), as a place. Its path stands in `buffer`. */
bool held_place(const struct held *held, struct place *ret, char *buffer, size_t size);

#endif
