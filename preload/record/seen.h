/*
 * Which facts this image has recorded before: a lock-free set of 64-bit keys. It stands in the
 * segment and is shared by the forks of the image, except for its last level, which each process
 * has for itself.
 *
 * There are four levels, two in a cell of a pool. Each is a table of lines of eight keys (a cache
 * line). A key may stand in one line of each of the first three levels, and stands in the first of
 * these that had room. So a search ends at a line with a free place. Small images only use the
 * first level, which shares a page with everything else that they touch.
 *
 * The last level replaces the others when they are full, and starts with all the keys that they
 * hold. It may forget, as a cell's second level may: a line that is full overwrites one of its
 * keys. It may also overlook a key: after several new facts in a row, the next one is taken for new
 * without waiting for memory. Both only mean that a fact is recorded twice, which is harmless.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_SEEN_H
#define FOOTPRINT_PRELOAD_RECORD_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/session/memory.h"

#define SEEN_START 0x243f6a8885a308d3ull /* digits of pi: an arbitrary constant */

/*
 * Adds one word to a hash. The result combines both halves of the 128-bit product. With the lower
 * half alone, a bit near the top of a word would affect only few bits, and a bit of the next word
 * could cancel it.
 */
static inline uint64_t seen_step(uint64_t hash, uint64_t word)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)(hash ^ word) * 0x9e3779b97f4a7c15ull;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* A hash of `base` and of `size` bytes, a word at a time. For paths there is path_hash.h. */
static inline uint64_t seen_hash(uint64_t base, const void *bytes, uint64_t size)
{
	const unsigned char *p = bytes;
	uint64_t hash = seen_step(SEEN_START ^ size, base), word;

	for (; size >= sizeof(word); p += sizeof(word), size -= sizeof(word)) {
		__builtin_memcpy(&word, p, sizeof(word));
		hash = seen_step(hash, word);
	}
	for (word = 0; size; size--)
		word = word << 8 | p[size - 1];
	return seen_step(hash, word);
}

/* The key of a fact: what `hash` stands for, used as `attributes` says. Never 0. */
static inline uint64_t seen_key(uint64_t hash, uint64_t attributes)
{
	uint64_t key = seen_step(hash, attributes);

	return key ? key : 1;
}

/* Is the key in the set? `first`: segment 0 of the image. */
bool seen_before(struct segment *first, uint64_t key);

/* To be called after the record is in the log: if it were before, a process killed in between would
 * leave a key without a record. */
void seen_add(struct segment *first, uint64_t key);

/* Adds the keys of a cell, which `first` continues. */
void seen_copy(struct segment *first, struct segment *cell);

#endif
