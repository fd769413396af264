#include "preload/seen.h"

#include <stddef.h>
#include <sys/mman.h>

#include "preload/image.h"
#include "preload/rawcall.h"

#define LINE	  8u /* keys */
#define ERRNO_MAX 4095

enum { SMALL, MIDDLE, LARGE, OVERFLOW, LEVELS };

/* The line of `key` in a level, NULL: the level is not there. */
static uint64_t *line_in(struct segment *first, unsigned level, uint64_t key)
{
	uint64_t *table;
	uint64_t lines;

	if (first->cell && level != SMALL)
		return NULL;

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
		lines = SEEN_OVERFLOW / LINE;
		key >>= 32;
		break;
	}
	return table ? table + (key & (lines - 1)) * LINE : NULL;
}

/* The lines of a large table are in no cache when they are wanted, the kernel having been there in
 * between: they are fetched at once, not one after the other. */
static void prefetch_lines(struct segment *first, uint64_t key)
{
	if (!__atomic_load_n(&image.seen_overflow, __ATOMIC_RELAXED))
		return;
	__builtin_prefetch(line_in(first, OVERFLOW, key));
	__builtin_prefetch(line_in(first, LARGE, key));
}

bool seen_before(struct segment *first, uint64_t key)
{
	prefetch_lines(first, key);
	for (unsigned level = SMALL; level < LEVELS; level++) {
		uint64_t *line = line_in(first, level, key);

		if (!line)
			return false;
		for (unsigned i = 0; i < LINE; i++) {
			uint64_t found = __atomic_load_n(&line[i], __ATOMIC_RELAXED);

			if (found == key)
				return true;
			if (!found)
				return false;
		}
	}
	return false;
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

/*
 * The last level is most of the table's size and few images need it, so it is made when the others
 * overflow: by each process that has to. Its probes go everywhere, so it is one huge page where the
 * kernel gives any, which costs as much as thirty small ones, and not 512 page faults. As a rule
 * only private memory gets one: forks go on with copies of their own.
 */
static void make_overflow(void)
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
	if (!__atomic_compare_exchange_n(&image.seen_overflow, &none, (uint64_t *)table, false,
		    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		rawcall3(SYS_munmap, table, size, 0);
}

void seen_add(struct segment *first, uint64_t key)
{
	uint64_t *line = NULL;

	for (unsigned level = SMALL; level < LEVELS; level++) {
		uint64_t *next = line_in(first, level, key);

		if (!next && !first->cell) {
			make_overflow();
			next = line_in(first, level, key);
		}
		if (!next)
			break;
		line = next;
		if (add_to(line, key))
			return;
	}
	__atomic_store_n(&line[key >> 61], key, __ATOMIC_RELAXED);
}
