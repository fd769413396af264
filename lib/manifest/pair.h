/* Finds pairs among what was removed and what was added. A part of diff.c. */
#ifndef FOOTPRINT_MANIFEST_PAIR_H
#define FOOTPRINT_MANIFEST_PAIR_H

#include <stddef.h>

/* What a thing is recognised by. bytes NULL: it cannot be. */
struct pair_mark {
	const void *bytes;
	size_t size;
};

/* One thing on one side. */
struct pair_item {
	struct pair_mark mark;
	size_t index; /* the caller's name for it */
};

/* Calls `found` for each mark that exactly one item on each side has. Sorts both arrays. */
void pair_unique(struct pair_item *before, size_t n_before, struct pair_item *after, size_t n_after,
	void (*found)(void *context, size_t before, size_t after), void *context);

#endif
