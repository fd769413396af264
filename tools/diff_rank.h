/*
 * How much a change says, for lists that are too long to be shown whole.
 *
 * After an upgrade, most of what changed did so because its package did, and the packages are
 * listed already. What came or went says more than what changed; and a library that went says it
 * even if its package went with it. Files that the application writes itself follow from what it is
 * and does: they come after those that it was given.
 */
#ifndef FOOTPRINT_TOOLS_DIFF_RANK_H
#define FOOTPRINT_TOOLS_DIFF_RANK_H

#include "lib/manifest/diff.h"

enum change_rank {
	RANK_CAME_OR_WENT,
	RANK_CHANGED,
	RANK_WRITTEN,			/* only files */
	RANK_CAME_OR_WENT_WITH_PACKAGE, /* only files */
	RANK_CHANGED_WITH_PACKAGE,
	N_CHANGE_RANKS,
};

/* The packages, of each side, that came, went or changed. */
struct changed_packages {
	bool *before, *after;
};

struct changed_packages changed_packages_find(const struct diff *diff);
void changed_packages_deinit(struct changed_packages *packages);

enum change_rank change_rank(const struct diff *diff, const struct changed_packages *packages,
	enum change_group group, const struct change *change);

#endif
