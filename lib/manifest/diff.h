/*
 * What came, went and changed between two manifests.
 *
 * Start here: diff_make() fills one list of changes for each group of things that a person thinks
 * in. What is a program or library of either manifest is not repeated among the files. What is a
 * run's own (times, counts of processes and records) is no difference.
 *
 * One thing under two names is one change. A program or library that went and one that came are a
 * pair when, in this order, their content is the same, their soname is the same, or their paths
 * differ in version numbers only (libz.so.1.2.13, libz.so.1.3.1); files when their content is
 * the same. A pair must be the only one of its kind: where two could be meant, none is.
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
	CHANGE_MOVED, /* another path, the same content */
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
	struct change *changes; /* in canonical order; a pair stands where its old half does */
	size_t n;
};

struct diff {
	const Footprint__Manifest *before;
	const Footprint__Manifest *after;
	struct change_list groups[N_CHANGE_GROUPS];
};

/* Both manifests must outlive the diff. 0 or -ENOMEM. */
int diff_make(
	const Footprint__Manifest *before, const Footprint__Manifest *after, struct diff *ret);
void diff_deinit(struct diff *diff);

bool diff_is_empty(const struct diff *diff);

/* Whether nothing differs but which programs use it, most often because a program came or went, or
 * which of them does what with it. */
static inline bool change_is_of_users(const struct change *change)
{
	return change->kind == CHANGE_CHANGED &&
	       !(change->what & ~(uint32_t)(DIFFERENCE_USERS | DIFFERENCE_USES));
}

struct change_counts {
	size_t added, removed, moved;
	size_t changed; /* without those of users alone */
	size_t users;	/* other programs */
	size_t uses;	/* the same programs in other ways */
};
struct change_counts diff_count(const struct diff *diff, enum change_group group);

/* How one side's entry is used, whatever its group: the file of a program or library too. NULL for
 * groups that have no file, or when nothing is known of it. */
const Footprint__File *diff_file(
	const Footprint__Manifest *m, enum change_group group, size_t index);

/* The bits of access that count in that group as uses of the file: who executes a program and who
 * loads a library is told by `executes` and `loaders`. */
uint32_t diff_access_mask(enum change_group group);

#endif
