/*
 * Places: what a path names, as records say it. Records describe paths as seen from the root that
 * the hello named.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_PLACES_H
#define FOOTPRINT_PRELOAD_RECORD_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/image.h"
#include "preload/record/directories.h"
#include "preload/record/held.h"
#include "preload/record/path_hash.h"

/* A path and what it is relative to. */
struct place {
	const char *path;
	size_t size;
	uint64_t directory; /* 0: absolute */
	uint64_t hash;	    /* hash of the path and `directory`, for the seen table */
};

/* False: it names nothing (NULL, empty, longer than any path may be). */
bool place_find(struct place *ret, int dirfd, const char *path);
/* The same for a path that, unless it is absolute, is relative to the directory with this id. */
bool place_find_from(struct place *ret, uint64_t from, const char *path);

/* A path without the slashes and ".." at its beginning, which lead out of no root: what is left is
 * relative to the root. "." if nothing is left. */
const char *place_below_root(const char *path);

/* The id of the directory that the place names. If the path is "." or the like, that is the
 * directory it is relative to. Hashes byte by byte (FNV-1a): too slow for each call, so only for
 * directories that other paths may be relative to. */
uint64_t place_id(const struct place *place);

/* The id that a directory gets as the root, for what is looked up from there. */
uint64_t place_root_id(uint64_t directory);

/* Does the path name the directory that it is relative to: ".", "./" and the like? */
bool place_stays(const char *path);

/* --- what a repeated access runs -------------------------------------------------------------- */

/* After a chroot, an absolute path is relative to the directory that is now the root. Sets the
 * place's path and directory anew. */
void place_behind_root(struct place *place, uint64_t from);

/* A path through one of the process's own links is recorded as relative to where the link leads. A
 * path that ends at such a link is the caller's to resolve, if it follows it (held_path). */
bool place_find_below_held(struct place *ret, const struct held *held, const char *path);

/* place_find_from() and place_find() for recorder.c: inline, since the calls and their registers
 * would cost as much as the work. */
static inline __attribute__((always_inline)) bool place_find_from_inline(
	struct place *ret, uint64_t from, const char *path)
{
	if (!path || !*path)
		return false;
	ret->path = path;
	ret->directory = *path == '/' ? 0 : from;
	if (image.root)
		place_behind_root(ret, from);
	ret->hash = path_hash(ret->directory, ret->path, FP_PATH_SIZE_MAX, &ret->size);
	return ret->size < FP_PATH_SIZE_MAX;
}

static inline __attribute__((always_inline)) bool place_find_inline(
	struct place *ret, int dirfd, const char *path)
{
	struct held held;

	if (path && held_find(path, &held) && *held.rest)
		return place_find_below_held(ret, &held, path);
	return path &&
	       place_find_from_inline(ret, *path == '/' || !*path ? 0 : directory_of(dirfd), path);
}

#endif
