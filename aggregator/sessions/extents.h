/* A set of bytes of a log, as ranges: in ascending order, and neither overlapping nor touching. */
#ifndef FOOTPRINT_AGGREGATOR_SESSIONS_EXTENTS_H
#define FOOTPRINT_AGGREGATOR_SESSIONS_EXTENTS_H

#include <stdbool.h>
#include <stdint.h>

#define EXTENTS_MAX 8192u

struct extent {
	uint64_t begin, end;
};

/* Zero-initialised, it is empty. */
struct extents {
	struct extent *list;
	unsigned n;
};

void extents_deinit(struct extents *extents);
bool extents_hold(const struct extents *extents, uint64_t offset);
/* Does the set hold all of [begin, end), which is not empty? */
bool extents_hold_all(const struct extents *extents, uint64_t begin, uint64_t end);
/* Adds [begin, end). 0, -ENOMEM, or -ENOSPC: there would be more than EXTENTS_MAX ranges. */
int extents_add(struct extents *extents, uint64_t begin, uint64_t end);
/* Removes [begin, end). 0, -ENOMEM, or -ENOSPC: there would be more than EXTENTS_MAX ranges. */
int extents_cut(struct extents *extents, uint64_t begin, uint64_t end);

#endif
