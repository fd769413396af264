#include "aggregator/sessions/extents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void extents_deinit(struct extents *extents)
{
	free(extents->list);
	*extents = (struct extents){ 0 };
}

/* The index of the first range that ends behind `offset`; n: there is none. */
static unsigned first_behind(const struct extents *extents, uint64_t offset)
{
	unsigned low = 0, high = extents->n;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (extents->list[middle].end <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool extents_hold(const struct extents *extents, uint64_t offset)
{
	unsigned at = first_behind(extents, offset);

	return at < extents->n && extents->list[at].begin <= offset;
}

bool extents_hold_all(const struct extents *extents, uint64_t begin, uint64_t end)
{
	unsigned at = first_behind(extents, begin);

	/* Ranges never touch, so one range has to hold all of it. */
	return at < extents->n && extents->list[at].begin <= begin && end <= extents->list[at].end;
}

/* Replaces the ranges with indices [from, to) by `count` new ones. */
static int replace(struct extents *extents, unsigned from, unsigned to, const struct extent *with,
	unsigned count)
{
	unsigned n = extents->n - (to - from) + count;
	struct extent *list = extents->list;

	if (n > EXTENTS_MAX)
		return -ENOSPC;
	if (n > extents->n) {
		list = reallocarray(list, n, sizeof(*list));
		if (!list)
			return -ENOMEM;
		extents->list = list;
	}
	if (extents->n > to)
		memmove(&list[from + count], &list[to], (extents->n - to) * sizeof(*list));
	for (unsigned i = 0; i < count; i++)
		list[from + i] = with[i];
	extents->n = n;
	return 0;
}

int extents_add(struct extents *extents, uint64_t begin, uint64_t end)
{
	unsigned from = begin ? first_behind(extents, begin - 1) : 0, to;
	struct extent joined = { begin, end };

	if (begin >= end)
		return 0;
	for (to = from; to < extents->n && extents->list[to].begin <= end; to++) {
		const struct extent *touched = &extents->list[to];

		joined.begin = touched->begin < joined.begin ? touched->begin : joined.begin;
		joined.end = touched->end > joined.end ? touched->end : joined.end;
	}
	return replace(extents, from, to, &joined, 1);
}

int extents_cut(struct extents *extents, uint64_t begin, uint64_t end)
{
	unsigned from = first_behind(extents, begin), to, count = 0;
	struct extent rest[2];

	for (to = from; to < extents->n && extents->list[to].begin < end; to++)
		;
	if (to == from)
		return 0;
	if (extents->list[from].begin < begin)
		rest[count++] = (struct extent){ extents->list[from].begin, begin };
	if (extents->list[to - 1].end > end)
		rest[count++] = (struct extent){ end, extents->list[to - 1].end };
	return replace(extents, from, to, rest, count);
}
