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

#include "preload/image.h"
#include "preload/session/layout.h"

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

#define SEEN_LINE 8u /* keys */

/* The levels that stand in the segment. */
enum { SEEN_IN_SMALL, SEEN_IN_MIDDLE, SEEN_IN_LARGE, SEEN_SHARED_LEVELS };

/* How many levels stand in the segment: all that forks share. */
static inline unsigned seen_levels(bool cell)
{
	return cell ? SEEN_IN_MIDDLE + 1 : SEEN_SHARED_LEVELS;
}

/* The line where `key` belongs, in a level that stands in the segment. cell: is that one of a
 * pool? */
static inline uint64_t *seen_line(struct segment *first, bool cell, unsigned level, uint64_t key)
{
	uint64_t *table;
	uint64_t lines;

	switch (level) {
	case SEEN_IN_SMALL:
		table = first->seen;
		lines = SEEN_SMALL / SEEN_LINE;
		break;
	case SEEN_IN_MIDDLE:
		table = cell ? segment_cell_tail(first)->seen_middle
			     : segment_first_tail(first)->seen_middle;
		lines = SEEN_MIDDLE / SEEN_LINE;
		key >>= 8;
		break;
	default:
		table = segment_first_tail(first)->seen_large;
		lines = SEEN_LARGE / SEEN_LINE;
		key >>= 16;
		break;
	}
	return table + (key & (lines - 1)) * SEEN_LINE;
}

/* Is the key in this line? *ret_full: the line has no free place, so the key may be in the next
 * level. Compares all eight places without a branch: where a key stands cannot be predicted, and a
 * mispredicted branch costs more than the whole line. */
static inline bool seen_stands_in(const uint64_t *line, uint64_t key, bool *ret_full)
{
	bool found = false;

#pragma GCC unroll 8
	for (unsigned i = 0; i < SEEN_LINE; i++)
		found |= __atomic_load_n(&line[i], __ATOMIC_RELAXED) == key;
	*ret_full = __atomic_load_n(&line[SEEN_LINE - 1], __ATOMIC_RELAXED) != 0;
	return found;
}

/* Is the key in the last level? That also answers for the other levels, whose keys it holds. */
bool seen_overflow_knows(struct seen_overflow *overflow, uint64_t key);

/* The last level. NULL: it is not needed yet, or there is no memory for it. A cell has none, since
 * its log is soon full, too. */
static inline struct seen_overflow *seen_overflow(void)
{
	return __atomic_load_n(&image.seen_overflow, __ATOMIC_ACQUIRE);
}

/* Is the key in the set? `first`: segment 0 of the image. Inline: a repeated access runs this. */
static inline bool seen_before(struct segment *first, uint64_t key)
{
	struct seen_overflow *overflow = seen_overflow();
	bool full, found, cell;

	if (overflow)
		return seen_overflow_knows(overflow, key);
	found = seen_stands_in(seen_line(first, false, SEEN_IN_SMALL, key), key, &full);
	if (found || !full)
		return found;
	cell = segment_layout_inline(first)->cell;
	for (unsigned level = SEEN_IN_MIDDLE; level < seen_levels(cell) && full && !found; level++)
		found = seen_stands_in(seen_line(first, cell, level, key), key, &full);
	return found;
}

/* To be called after the record is in the log: if it were before, a process killed in between would
 * leave a key without a record. */
void seen_add(struct segment *first, uint64_t key);

/* Adds the keys of a cell, which `first` continues. */
void seen_copy(struct segment *first, struct segment *cell);

#endif
