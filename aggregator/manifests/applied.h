/*
 * Which facts were added to a manifest before, and need not be again: a direct-mapped cache of
 * their keys. It grows with them, because of thousands of applications most have few.
 */
#ifndef FOOTPRINT_AGGREGATOR_MANIFESTS_APPLIED_H
#define FOOTPRINT_AGGREGATOR_MANIFESTS_APPLIED_H

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialised, it is empty. */
struct applied {
	uint64_t *keys;	  /* 0: free */
	uint32_t n_slots; /* a power of two, or 0 */
	uint32_t n;
};

/* Is the key, which is not 0, in the cache? */
bool applied_has(const struct applied *applied, uint64_t key);
/* Puts it there, perhaps in the place of another one. */
void applied_note(struct applied *applied, uint64_t key);
void applied_deinit(struct applied *applied);

#endif
