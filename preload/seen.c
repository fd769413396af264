#include "preload/seen.h"

#include <stddef.h>
#include <sys/mman.h>

#include "preload/image.h"
#include "preload/rawcall.h"

#define LINE	  8u /* keys */
#define ERRNO_MAX 4095

enum { SMALL, MIDDLE, LARGE, OVERFLOW };

/* Where the line of `key` begins in the last level. */
static uint64_t overflow_line(uint64_t key)
{
	return (key >> 32 & (SEEN_OVERFLOW / LINE - 1)) * LINE;
}

/* Levels that stand in the segment. */
static unsigned shared_levels(const struct segment *first)
{
	return first->cell ? SMALL + 1 : OVERFLOW;
}

/* The line of `key` in a level, NULL: the level is not there. */
static inline uint64_t *line_in(struct segment *first, unsigned level, uint64_t key)
{
	uint64_t *table;
	uint64_t lines;

	switch (level) {
	case SMALL:
		table = first->seen;
		lines = SEEN_SMALL / LINE;
		break;
	case MIDDLE:
		table = segment_first_tail(first)->seen_middle;
		lines = SEEN_MIDDLE / LINE;
		key >>= 8;
		break;
	case LARGE:
		table = segment_first_tail(first)->seen_large;
		lines = SEEN_LARGE / LINE;
		key >>= 16;
		break;
	default:
		table = __atomic_load_n(&image.seen_overflow, __ATOMIC_ACQUIRE);
		return table ? table + overflow_line(key) : NULL;
	}
	return table + (key & (lines - 1)) * LINE;
}

/* Is it in this line? *ret_full: it may be elsewhere. */
static bool stands_in(const uint64_t *line, uint64_t key, bool *ret_full)
{
	*ret_full = false;
	for (unsigned i = 0; i < LINE; i++) {
		uint64_t found = __atomic_load_n(&line[i], __ATOMIC_RELAXED);

		if (found == key)
			return true;
		if (!found)
			return false;
	}
	*ret_full = true;
	return false;
}

bool seen_before(struct segment *first, uint64_t key)
{
	const uint64_t *last = __atomic_load_n(&image.seen_overflow, __ATOMIC_ACQUIRE);
	bool full, found;

	/* It holds all that the others do: one line, which is in no cache, the kernel having been
	 * there in between, and not four of them. */
	if (last && !first->cell)
		return stands_in(last + overflow_line(key), key, &full);
	found = stands_in(line_in(first, SMALL, key), key, &full);
	for (unsigned level = MIDDLE; level < shared_levels(first) && full && !found; level++)
		found = stands_in(line_in(first, level, key), key, &full);
	return found;
}

/* Into a free place of the line; true also when it is there already. Full lines are the rule in the
 * first levels, and a compare-and-swap that fails costs as much as one that does not. */
static bool add_to(uint64_t *line, uint64_t key)
{
	for (unsigned i = 0; i < LINE; i++) {
		uint64_t found = __atomic_load_n(&line[i], __ATOMIC_RELAXED);

		if (!found && __atomic_compare_exchange_n(&line[i], &found, key, false,
				      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return true;
		if (found == key)
			return true;
	}
	return false;
}

/* `size` bytes of zeros at a multiple of it; negative: an errno. */
static long map_aligned(long size)
{
	long room = rawcall6(SYS_mmap, 0, 2 * size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	long before = -room & (size - 1);

	if (room < 0 && room > -ERRNO_MAX)
		return room;
	if (before)
		rawcall3(SYS_munmap, room, before, 0);
	rawcall3(SYS_munmap, room + before + size, size - before, 0);
	return room + before;
}

static void add_level(struct segment *first, unsigned level, uint64_t keys, uint64_t *overflow)
{
	const uint64_t *from = line_in(first, level, 0);

	for (uint64_t i = 0; i < keys; i++) {
		uint64_t key = __atomic_load_n(&from[i], __ATOMIC_RELAXED);

		if (key)
			add_to(overflow + overflow_line(key), key);
	}
}

/*
 * The last level is most of the table's size and few images need it, so it is made when the others
 * overflow: by each process that has to. Its probes go everywhere, so it is one huge page where the
 * kernel gives any, which costs as much as thirty small ones, and not 512 page faults. As a rule
 * only private memory gets one: forks go on with copies of their own.
 *
 * From then on it stands for all of them. What others add to theirs while it is filled from them is
 * recorded twice.
 */
static void make_overflow(struct segment *first)
{
	long size = SEEN_OVERFLOW * sizeof(uint64_t);
	uint64_t *none = NULL;
	long table;

	if (image.memory_only)
		return;
	table = map_aligned(size);
	if (table < 0)
		return;
	rawcall3(SYS_madvise, table, size, MADV_HUGEPAGE);
	add_level(first, SMALL, SEEN_SMALL, (uint64_t *)table);
	add_level(first, MIDDLE, SEEN_MIDDLE, (uint64_t *)table);
	add_level(first, LARGE, SEEN_LARGE, (uint64_t *)table);
	if (!__atomic_compare_exchange_n(&image.seen_overflow, &none, (uint64_t *)table, false,
		    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		rawcall3(SYS_munmap, table, size, 0);
}

void seen_add(struct segment *first, uint64_t key)
{
	uint64_t *line = first->cell ? NULL : line_in(first, OVERFLOW, key);

	for (unsigned level = SMALL; level < shared_levels(first) && !line; level++)
		if (add_to(line_in(first, level, key), key))
			return;
	if (!line && !first->cell) {
		make_overflow(first);
		line = line_in(first, OVERFLOW, key);
	}
	/* No memory, or a cell's, which is full of records soon: then the largest that there is
	 * forgets. */
	if (!line)
		line = line_in(first, shared_levels(first) - 1, key);
	if (!add_to(line, key))
		__atomic_store_n(&line[key >> 61], key, __ATOMIC_RELAXED);
}
