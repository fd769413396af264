/* Steps that several kinds of facts have in common on their way to the manifest. */
#ifndef FOOTPRINT_AGGREGATOR_MANIFESTS_APPLY_H
#define FOOTPRINT_AGGREGATOR_MANIFESTS_APPLY_H

#include "aggregator/manifests/fact.h"
#include "lib/manifest/manifest.h"

/* What the errno of a call makes of it (doc/facts.md, "Outcomes"). */
enum outcome {
	OUTCOME_DONE,
	OUTCOME_MISSING,
	OUTCOME_CHECKED, /* the name is there, or would have been */
	OUTCOME_NOTHING, /* the call never looked at the name */
};
enum outcome outcome_of(uint32_t error);

/* All return 0 or -ENOMEM. `by`: canonical path of an executable. */

/* Adds each symlink on the way as an entry of its own. */
int apply_links(struct manifest *m, const struct look *look, const char *by);
/* Adds the file where the look has ended, what is known of it, and each symlink on the way
 * as an entry of its own. */
int apply_use(struct manifest *m, const struct look *look, uint32_t access, const char *by);
/* A use that may have failed. */
int apply_outcome(struct manifest *m, const struct look *look, uint32_t access, uint32_t error,
	const char *by);
/* The name of a program that was executed. For a deleted file, and for a memfd, the kernel says its
 * name and " (deleted)", which is no part of the name, unless a file of this whole name exists. The
 * caller frees it. NULL: no memory. */
char *apply_program_name(const struct look *look);
/* Adds a program that was executed. A memfd was never in a directory: it is an executable, but no
 * file. */
int apply_program(struct manifest *m, const struct look *look, const char *name, const char *by);

#endif
