/*
 * A set of fixed-size entries, found by the key that each begins with.
 *
 * Entries lie densely in one array, in the order they were added, and are named by their place in
 * it, which never changes; a hash index of 32-bit places beside it finds them. That costs an
 * entry's size and 5 to 11 bytes. Keys are compared as bytes: a key struct must have no padding.
 */
#ifndef FOOTPRINT_BASE_TABLE_H
#define FOOTPRINT_BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define TABLE_ENTRIES_MAX (1u << 30)
#define TABLE_NONE	  UINT32_MAX

struct table {
	size_t entry_size;
	size_t key_size;
	uint8_t *entries;
	uint32_t count;
	uint32_t capacity;
	uint32_t *index;     /* places plus one; 0: free */
	uint32_t index_mask; /* index size minus one; 0: no index yet */
};

/* A table of `type`, whose first member is the key. */
#define TABLE_OF(type, key_member)                                                                 \
	{                                                                                          \
		.entry_size = sizeof(type), .key_size = sizeof(((type *)NULL)->key_member)         \
	}

void table_deinit(struct table *t);

/* The place of the entry with this key, or TABLE_NONE. */
uint32_t table_find(const struct table *t, const void *key);

/* The place of the entry with this key, which is added (zeroes behind the key) where there is none.
 * 0 or -ENOMEM. Pointers to entries are good until the next addition. */
int table_add(struct table *t, const void *key, uint32_t *ret_place);

static inline void *table_at(const struct table *t, uint32_t place)
{
	return t->entries + (size_t)place * t->entry_size;
}

#endif
