/*
 * Inside the recorder: makes a record of a fact, unless this image has recorded it before.
 * recorder.c turns calls into facts.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_FACTS_H
#define FOOTPRINT_PRELOAD_RECORD_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/record/encode.h"

/* The call failed before it looked at a name (doc/facts.md, Outcomes). */
bool fact_error_says_nothing(int error);

static inline bool fact_says_nothing(int error)
{
	return error && fact_error_says_nothing(error);
}

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

/* Has this image recorded this fact already? If not, *ret_key is to be given to fact_record().
 * `hash` is that of the path, address or text, `attributes` all the rest (FACT_ATTRIBUTES). */
bool fact_is_known(uint64_t hash, uint64_t attributes, uint64_t *ret_key);

#define FACT_ATTRIBUTES(kind, access, error)                                                       \
	((uint64_t)(kind) | (uint64_t)(access) << 8 | (uint64_t)(error) << 40)

void fact_record(const struct record *record, uint64_t key);

/* The same for what is no fact, and in no seen table. Returns the slot's word; NULL: the record is
 * lost. */
const uint32_t *fact_append(const struct record *record);

/* Records what the id of an absolute path means, and returns the id. */
uint64_t fact_directory(const char *path);

/* Records that this directory has become "/" (chroot), and returns the id that paths from there are
 * relative to. It is not the directory's usual id, because symlinks lead elsewhere from there.
 * Where the directory is "/" already, nothing changes. */
uint64_t fact_root(const struct place *place);

/* Records an exec that is about to be tried. Returns a ticket for fact_exec_undo(). 0: there is
 * nothing to undo; the same exec has been recorded long enough ago, or nothing can be recorded. */
uint64_t fact_exec(const struct place *place);
void fact_exec_undo(uint64_t ticket);

#endif
