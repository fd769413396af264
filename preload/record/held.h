/*
 * Paths that lead through what the process itself holds: /proc/self/fd/5, /proc/self/cwd/name,
 * /proc/self/root/etc, /dev/fd/5/name. They mean another file in each process and at each moment,
 * so records tell where they lead.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_HELD_H
#define FOOTPRINT_PRELOAD_RECORD_HELD_H

#include <stdbool.h>
#include <stddef.h>

struct place;

enum held_kind { HELD_FD, HELD_WORKING_DIRECTORY, HELD_ROOT };

struct held {
	enum held_kind kind;
	int fd;		  /* AT_FDCWD where the kind is not HELD_FD */
	const char *rest; /* of the path, below it: "" where the path ends there */
};

bool held_find_there(const char *path, struct held *ret);

/* Is it such a path? Nearly all are not, by their second byte. */
static inline bool held_find(const char *path, struct held *ret)
{
	return path[0] == '/' && (path[1] == 'p' || path[1] == 'd') && held_find_there(path, ret);
}

/* Where the link itself leads: the absolute path, in `buffer`, as seen from where directory_place()
 * takes it. False: to no name (a pipe, a deleted file), or it cannot be told. */
bool held_path(const struct held *held, char *buffer, size_t size);

/* Is this what a link says of a file that has no name, or none any more? */
bool held_is_nameless(const char *path, size_t size);

/* The same as held_path, as a place whose path stands in `buffer`. */
bool held_place(const struct held *held, struct place *ret, char *buffer, size_t size);

#endif
