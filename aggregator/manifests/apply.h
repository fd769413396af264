/* Steps that several kinds of facts have in common, on their way into the manifest. */
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

/* Each symlink walked on the way is an entry of its own. */
int apply_links(struct manifest *m, const struct look *look, const char *by);
/* The file where the look ended, the links on the way, and what is known of it. */
int apply_use(struct manifest *m, const struct look *look, uint32_t access, const char *by);
int apply_missing(struct manifest *m, const struct look *look, const char *by);
/* A use that may have failed. */
int apply_outcome(struct manifest *m, const struct look *look, uint32_t access, uint32_t error,
	const char *by);
/* What a program is called that was executed. Of a file that was deleted, and of a memfd, the
 * kernel tells the name it had and " (deleted)": that is no part of it, unless a file of this whole
 * name is there. The caller frees; NULL: no memory. */
char *apply_program_name(const struct look *look);
/* It was executed. A memfd never was in a directory: it is an executable, and no file. */
int apply_program(struct manifest *m, const struct look *look, const char *name, const char *by);

/* execve or posix_spawn of a program or script; program.c. */
int program_apply(struct fact *fact);
/* The image that a session is; program.c. */
int program_apply_image(struct fact *fact);

#endif
