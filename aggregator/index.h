/*
 * A hash table of pointers, whose key stands in what they point to. Unlike those of
 * lib/base/table.h, its entries can be removed, and what they point to never moves.
 */
#ifndef FOOTPRINT_AGGREGATOR_INDEX_H
#define FOOTPRINT_AGGREGATOR_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct index_slot {
	void *item; /* NULL: free */
	uint32_t hash;
};

/* Zero-initialised: empty. */
struct index {
	struct index_slot *slots;
	uint32_t mask; /* slots minus one */
	uint32_t count;
};

typedef bool index_match(const void *item, const void *key);

void index_deinit(struct index *index);
/* The item with this hash that matches, or NULL. */
void *index_find(const struct index *index, uint32_t hash, index_match *match, const void *key);
/* Adds an item that is not there. 0 or -ENOMEM. */
int index_add(struct index *index, uint32_t hash, void *item);
void index_remove(struct index *index, uint32_t hash, const void *item);
/* Walks all items: start with *cursor 0; NULL at the end. The index may not change meanwhile. */
void *index_next(const struct index *index, uint32_t *cursor);

#endif
