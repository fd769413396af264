/* Which bytes of a log are dealt with: ranges in order, apart from each other. */
#ifndef FOOTPRINT_AGGREGATOR_SESSIONS_EXTENTS_H
#define FOOTPRINT_AGGREGATOR_SESSIONS_EXTENTS_H

#include <stdbool.h>
#include <stdint.h>

#define EXTENTS_MAX 8192u

struct extent {
	uint64_t begin, end;
};

/* Zero-initialised: none. */
struct extents {
	struct extent *list;
	unsigned n;
};

void extents_deinit(struct extents *extents);
bool extents_hold(const struct extents *extents, uint64_t offset);
/* All of [begin, end), which is not empty? */
bool extents_hold_all(const struct extents *extents, uint64_t begin, uint64_t end);
/* Joins [begin, end) with what it touches. 0, -ENOMEM, or -ENOSPC past EXTENTS_MAX. */
int extents_add(struct extents *extents, uint64_t begin, uint64_t end);
/* Takes [begin, end) out again. 0, -ENOMEM, or -ENOSPC past EXTENTS_MAX. */
int extents_cut(struct extents *extents, uint64_t begin, uint64_t end);

#endif
