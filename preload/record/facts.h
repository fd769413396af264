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
#include "preload/record/places.h"

/* The call failed before it looked at a name (doc/facts.md, Outcomes), or looked in a root that is
 * in /proc. */
bool fact_error_says_nothing(int error);

static inline bool fact_says_nothing(int error)
{
	return error && fact_error_says_nothing(error);
}

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
