/*
 * Which facts this image has recorded before: a set of 64-bit keys in the segment, lock-free,
 * shared by the image's forks (but for the last level, which each process goes on with by itself).
 *
 * Four levels, each a table of lines of eight keys (a cache line). A key belongs in one line of
 * each of the first three and stands in the first whose line has room; so a line with a free place
 * ends a search. Small images stay in the first level, which shares a page with everything else
 * they touch. The last level takes the place of the others once it is needed: it begins with what
 * they hold. There a full line forgets, and what comes behind a row of new facts is taken for new
 * at first: a fact is recorded twice then, which is harmless.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_SEEN_H
#define FOOTPRINT_PRELOAD_RECORD_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/session/memory.h"

#define SEEN_START 0x243f6a8885a308d3ull /* digits of pi: nothing in particular */

/*
 * One word more in a hash. Both halves of the product count: of its lower half alone, a bit near
 * the top of the word would reach few bits, and one in the next word could undo it.
 */
static inline uint64_t seen_step(uint64_t hash, uint64_t word)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)(hash ^ word) * 0x9e3779b97f4a7c15ull;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* A hash of `size` bytes that belong to `base`, a word at a time. Of a path: path_hash.h. */
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

/* The key of what hashes so, used as `attributes` says. */
static inline uint64_t seen_key(uint64_t hash, uint64_t attributes)
{
	uint64_t key = seen_step(hash, attributes);

	return key ? key : 1;
}

bool seen_before(struct segment *first, uint64_t key);

/* After the record is in the log: a process killed in between must not leave a key without one. */
void seen_add(struct segment *first, uint64_t key);

#endif
