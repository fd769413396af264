/* What an entry of a manifest is recognised by under another name. A part of diff.c. */
#ifndef FOOTPRINT_MANIFEST_DIFF_MARKS_H
#define FOOTPRINT_MANIFEST_DIFF_MARKS_H

#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/manifest/diff.h"
#include "lib/manifest/pair.h"
#include "lib/manifest/run_names.h"

struct marking {
	const struct comparison *comparison;
	struct arena *arena;
};

/* The mark of the group's entry with this index. Its bytes are in the manifest or the arena. */
typedef struct pair_mark diff_mark(
	const struct marking *marking, const Footprint__Manifest *m, size_t index);

/* The marks of each group, the surest first; NULL: no further one. */
#define DIFF_MARKS_MAX 3
extern diff_mark *const diff_marks[N_CHANGE_GROUPS][DIFF_MARKS_MAX];

/* The marks of paths that have another name in each run. */
extern diff_mark *const diff_run_marks[N_CHANGE_GROUPS][N_RUN_NAME_RULES];

#endif
