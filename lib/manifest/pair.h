/* Finding the pairs among what went and what came: a part of diff.c. */
#ifndef FOOTPRINT_MANIFEST_PAIR_H
#define FOOTPRINT_MANIFEST_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* By what a thing is recognised; bytes NULL: by nothing. */
struct pair_mark {
	const void *bytes;
	size_t size;
};

/* One thing on one side. */
struct pair_item {
	struct pair_mark mark;
	size_t index; /* the caller's name for it */
};

/* Calls `found` for each mark that exactly one item on either side has. Sorts both arrays. */
void pair_unique(struct pair_item *before, size_t n_before, struct pair_item *after, size_t n_after,
	void (*found)(void *context, size_t before, size_t after), void *context);

/* The shape of a path: each run of digits, dots between them included, becomes one '#'. Written to
 * `buffer`, which has room for size bytes; returns how many it took. */
size_t path_shape(const void *path, size_t size, char *buffer);

#endif
