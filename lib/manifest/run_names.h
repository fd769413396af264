/*
 * Names that belong to a run, and not to the version: those of files that the application makes and
 * removes, and calls something else in each run (mkstemp(3), process ids). A part of diff.c.
 *
 * Two such paths stand for the same if the same programs do the same with them, and if they differ
 * only in components that are such names. The names themselves must be of one length, or differ
 * only in digits, so that those of another template are told apart.
 */
#ifndef FOOTPRINT_MANIFEST_RUN_NAMES_H
#define FOOTPRINT_MANIFEST_RUN_NAMES_H

#include "lib/base/arena.h"
#include "lib/manifest/compare.h"
#include "lib/manifest/pair.h"

/* What of a name must be the same. */
enum run_name_rule {
	RUN_NAME_LENGTH,
	RUN_NAME_SHAPE, /* pair_shape() */
	N_RUN_NAME_RULES,
};

/* Does the manifest have files that the application made and removed? */
bool run_names_any(const Footprint__Manifest *m);

/* What such a path of `m`, which is one side of the comparison, is recognised by; no mark: no name
 * of a run is in it, its programs are not on the other side, or there is no memory. */
struct pair_mark run_name_mark_file(const struct comparison *c, const Footprint__Manifest *m,
	const Footprint__File *file, enum run_name_rule rule, struct arena *arena);
struct pair_mark run_name_mark_missing(const struct comparison *c, const Footprint__Manifest *m,
	const Footprint__Missing *missing, enum run_name_rule rule, struct arena *arena);

#endif
