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

/* Told of one mark: all items of each side that have it, at least one each. */
typedef void pair_found(void *context, const struct pair_item *before, size_t n_before,
	const struct pair_item *after, size_t n_after);

/* Calls `found` for each mark that items of both sides have. Sorts both arrays. */
void pair_equal(struct pair_item *before, size_t n_before, struct pair_item *after, size_t n_after,
	pair_found *found, void *context);

/* Writes the shape of a text, in which each version number (digits, and dots between them) is one
 * '#', to `buffer`, which has room for `size` bytes. Returns its size. */
size_t pair_shape(const void *text, size_t size, char *buffer);

#endif
