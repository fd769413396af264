/*
 * What was added, removed and changed between two manifests.
 *
 * Start here: diff_make() fills one list of changes for each group of things that a person thinks
 * of. What is a program or library in either manifest is not listed again among the files. What
 * belongs to a run (times, counts of processes and records) is no difference.
 *
 * One thing under two names is one change. A removed program or library and an added one are a pair
 * if, in this order, their content is the same, or their soname is, or their paths differ only in
 * version numbers (libz.so.1.2.13, libz.so.1.3.1). Files are a pair by their content or by such
 * paths, missing paths by such paths, packages by their name or by such names. A pair has to be
 * unambiguous: if there are two candidates, there is no pair. What the application calls something
 * else in each run is no difference at all (run_names.h).
 */
#ifndef FOOTPRINT_MANIFEST_DIFF_H
#define FOOTPRINT_MANIFEST_DIFF_H

#include <stdbool.h>

#include "proto/manifest.pb-c.h"

enum difference {
#define DIFFERENCE(name, bit, word) DIFFERENCE_##name = (bit),
#include "lib/manifest/difference.def"
#undef DIFFERENCE
};

enum change_kind {
	CHANGE_ADDED,
	CHANGE_REMOVED,
	CHANGE_CHANGED,
	CHANGE_MOVED, /* another path, and no other content */
	N_CHANGE_KINDS,
};

struct change {
	enum change_kind kind;
	uint32_t what; /* bits of enum difference; 0 for added and removed */
	size_t before; /* index into the old manifest's list; meaningless for added */
	size_t after;  /* into the new one's; meaningless for removed */
};

enum change_group {
	GROUP_PROGRAMS,	 /* indexes of executables */
	GROUP_LIBRARIES, /* of libraries */
	GROUP_PACKAGES,	 /* of packages */
	GROUP_FILES,	 /* of files */
	GROUP_ENDPOINTS, /* of endpoints */
	GROUP_MISSING,	 /* of missing */
	GROUP_GAPS,	 /* of gaps */
	N_CHANGE_GROUPS,
};

struct change_list {
	struct change *changes; /* in canonical order; a pair stands at its old path */
	size_t n;
};

#define NO_PROGRAM UINT32_MAX

struct diff {
	const Footprint__Manifest *before;
	const Footprint__Manifest *after;
	/* For each old executable, its index among the new ones; NO_PROGRAM: it is gone. A program
	 * that has moved to another path is still the same user of its files. */
	uint32_t *program;
	struct change_list groups[N_CHANGE_GROUPS];
};

/* Both manifests must outlive the diff. 0 or -ENOMEM. */
int diff_make(
	const Footprint__Manifest *before, const Footprint__Manifest *after, struct diff *ret);
void diff_deinit(struct diff *diff);

bool diff_is_empty(const struct diff *diff);

/* Is the only difference which programs use it (most often because a program was added or removed),
 * or what these do with it? */
static inline bool change_is_of_users(const struct change *change)
{
	return change->kind == CHANGE_CHANGED &&
	       !(change->what & ~(uint32_t)(DIFFERENCE_USERS | DIFFERENCE_USES));
}

struct change_counts {
	size_t added, removed, moved;
	size_t changed; /* without those where only users or uses differ */
	size_t users;	/* only: other programs use it */
	size_t uses;	/* only: the same programs use it in other ways */
};
struct change_counts diff_count(const struct diff *diff, enum change_group group);

/* The file entry of one side's thing, whatever its group: also that of a program or library. NULL
 * for groups without files, or if the manifest knows nothing of the file. */
const Footprint__File *diff_file(
	const Footprint__Manifest *m, enum change_group group, size_t index);

/* The access bits that count as uses of the file in this group. That a program was executed, or a
 * library loaded, is told by `executes` and `loaders` instead. */
uint32_t diff_access_mask(enum change_group group);

#endif
