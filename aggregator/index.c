/* Open addressing with linear probing. A removal moves later items back, so there are no
 * tombstones. */
#include "aggregator/index.h"

#include <errno.h>
#include <stdlib.h>

#define INDEX_SLOTS_MIN 16u

void index_deinit(struct index *index)
{
	free(index->slots);
	*index = (struct index){ 0 };
}

void *index_find(const struct index *index, uint32_t hash, index_match *match, const void *key)
{
	if (!index->slots)
		return NULL;
	for (uint32_t i = hash & index->mask; index->slots[i].item; i = (i + 1) & index->mask)
		if (index->slots[i].hash == hash && match(index->slots[i].item, key))
			return index->slots[i].item;
	return NULL;
}

static void place(struct index_slot *slots, uint32_t mask, uint32_t hash, void *item)
{
	uint32_t i = hash & mask;

	while (slots[i].item)
		i = (i + 1) & mask;
	slots[i] = (struct index_slot){ .item = item, .hash = hash };
}

static int grow(struct index *index)
{
	uint32_t size = index->slots ? (index->mask + 1) * 2 : INDEX_SLOTS_MIN;
	struct index_slot *slots;

	if (!size || !(slots = calloc(size, sizeof(*slots))))
		return -ENOMEM;
	for (uint32_t i = 0; index->slots && i <= index->mask; i++)
		if (index->slots[i].item)
			place(slots, size - 1, index->slots[i].hash, index->slots[i].item);
	free(index->slots);
	index->slots = slots;
	index->mask = size - 1;
	return 0;
}

int index_add(struct index *index, uint32_t hash, void *item)
{
	/* At most three quarters full. */
	if (!index->slots || index->count >= index->mask - index->mask / 4) {
		int r = grow(index);

		if (r < 0)
			return r;
	}
	place(index->slots, index->mask, hash, item);
	index->count++;
	return 0;
}

/* May the item at `from` move back to `hole`? Only if its home is not between the two. */
static bool may_fill(const struct index *index, uint32_t hole, uint32_t from)
{
	uint32_t home = index->slots[from].hash & index->mask;

	return ((from - home) & index->mask) >= ((from - hole) & index->mask);
}

void index_remove(struct index *index, uint32_t hash, const void *item)
{
	uint32_t hole;

	if (!index->slots)
		return;
	hole = hash & index->mask;
	while (index->slots[hole].item && index->slots[hole].item != item)
		hole = (hole + 1) & index->mask;
	if (!index->slots[hole].item)
		return;
	for (uint32_t i = (hole + 1) & index->mask; index->slots[i].item;
		i = (i + 1) & index->mask) {
		if (!may_fill(index, hole, i))
			continue;
		index->slots[hole] = index->slots[i];
		hole = i;
	}
	index->slots[hole].item = NULL;
	index->count--;
}

void *index_next(const struct index *index, uint32_t *cursor)
{
	while (index->slots && *cursor <= index->mask) {
		void *item = index->slots[(*cursor)++].item;

		if (item)
			return item;
	}
	return NULL;
}
