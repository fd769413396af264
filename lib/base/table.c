#include "lib/base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"

#define FIRST_CAPACITY	 8u
#define FIRST_INDEX_SIZE 16u

void table_deinit(struct table *t)
{
	free(t->entries);
	free(t->index);
	t->entries = NULL;
	t->index = NULL;
	t->count = t->capacity = t->index_mask = 0;
}

/* The slot that holds the place of the key's entry, or the free slot where it belongs. */
static uint32_t *find_slot(const struct table *t, const void *key)
{
	uint32_t at = hash_bytes(key, t->key_size) & t->index_mask;

	while (t->index[at] && memcmp(table_at(t, t->index[at] - 1), key, t->key_size))
		at = (at + 1) & t->index_mask;
	return &t->index[at];
}

uint32_t table_find(const struct table *t, const void *key)
{
	uint32_t *slot;

	if (!t->index)
		return TABLE_NONE;
	slot = find_slot(t, key);
	return *slot ? *slot - 1 : TABLE_NONE;
}

/* Grows by half, so at most a third of the array is unused. */
static int grow_entries(struct table *t)
{
	uint32_t capacity = t->capacity ? t->capacity + t->capacity / 2 : FIRST_CAPACITY;
	void *entries;

	if (t->count >= TABLE_ENTRIES_MAX)
		return -ENOMEM;
	entries = reallocarray(t->entries, capacity, t->entry_size);
	if (!entries)
		return -ENOMEM;
	t->entries = entries;
	t->capacity = capacity;
	return 0;
}

static int grow_index(struct table *t)
{
	uint32_t size = t->index ? (t->index_mask + 1) * 2 : FIRST_INDEX_SIZE;
	uint32_t *index = calloc(size, sizeof(*index));

	if (!index)
		return -ENOMEM;
	free(t->index);
	t->index = index;
	t->index_mask = size - 1;
	for (uint32_t place = 0; place < t->count; place++)
		*find_slot(t, table_at(t, place)) = place + 1;
	return 0;
}

/* Makes room for one more entry. The index is at most three quarters full. */
static int make_room(struct table *t)
{
	if (t->count == t->capacity && grow_entries(t) < 0)
		return -ENOMEM;
	if (!t->index || t->count >= t->index_mask - t->index_mask / 4)
		return grow_index(t);
	return 0;
}

int table_add(struct table *t, const void *key, uint32_t *ret_place)
{
	uint32_t place = table_find(t, key);
	uint8_t *entry;

	if (place == TABLE_NONE) {
		if (make_room(t) < 0)
			return -ENOMEM;
		place = t->count++;
		entry = table_at(t, place);
		memcpy(entry, key, t->key_size);
		memset(entry + t->key_size, 0, t->entry_size - t->key_size);
		*find_slot(t, key) = place + 1;
	}
	*ret_place = place;
	return 0;
}
