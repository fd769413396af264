/*
 * Inside the recorder: from a fact to its record, once. recorder.c turns calls into facts.
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
	uint64_t hash;	    /* of all three: what it is known by in the seen table */
};

/* False: it names nothing (NULL, empty, longer than any path may be). */
bool place_find(struct place *ret, int dirfd, const char *path);
/* The same of a path that is relative to the directory of this id, if it is relative. */
bool place_find_from(struct place *ret, uint64_t from, const char *path);

/* A path from a root, without the slashes and ".." at its beginning: they lead out of no root. */
const char *place_below_root(const char *path);

/* Its id as a directory: of "." and the like that of the directory where it begins. A product a
 * byte: for what others are relative to, not for each call. */
uint64_t place_id(const struct place *place);

/* Has this image recorded such a fact? If not, *ret_key is for fact_record. `hash` stands for
 * the path, address or text, `attributes` for all else (FACT_ATTRIBUTES). */
bool fact_is_known(uint64_t hash, uint64_t attributes, uint64_t *ret_key);

#define FACT_ATTRIBUTES(kind, access, error)                                                       \
	((uint64_t)(kind) | (uint64_t)(access) << 8 | (uint64_t)(error) << 40)

void fact_record(const struct record *record, uint64_t key);

/* Says what the id of an absolute path means, and returns the id. */
uint64_t fact_directory(const char *path);

/* Says that this directory has become "/" (chroot), and returns the id that paths from there are
 * relative to: another one than as a directory, for symlinks lead elsewhere. The same again where
 * it is "/" already. */
uint64_t fact_root(const struct place *place);

/* An exec about to be tried. The ticket takes it back; 0: the same one stands already. */
uint64_t fact_exec(const struct place *place);
void fact_exec_undo(uint64_t ticket);

#endif
