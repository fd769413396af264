#include "preload/seen.h"

#include <stddef.h>
#include <sys/mman.h>

#include "preload/image.h"
#include "preload/rawcall.h"

#define LINE 8u /* keys */

enum { SMALL, MIDDLE, LARGE, OVERFLOW, LEVELS };

/* The line of `key` in a level, NULL: the level is not there. */
static uint64_t *line_in(struct segment *first, unsigned level, uint64_t key)
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
		lines = SEEN_OVERFLOW / LINE;
		key >>= 32;
		break;
	}
	return table ? table + (key & (lines - 1)) * LINE : NULL;
}

bool seen_before(struct segment *first, uint64_t key)
{
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

/* Into a free place of the line; true also when it is there already. */
static bool add_to(uint64_t *line, uint64_t key)
{
	for (unsigned i = 0; i < LINE; i++) {
		uint64_t found = 0;

		if (__atomic_compare_exchange_n(
			    &line[i], &found, key, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED) ||
			found == key)
			return true;
	}
	return false;
}

/*
 * The last level is most of the table's size and few images need it, so it is made when the others
 * overflow: by each process that has to, shared with its later forks.
 */
static void make_overflow(void)
{
	size_t size = SEEN_OVERFLOW * sizeof(uint64_t);
	uint64_t *none = NULL;
	long table;

	if (image.memory_only)
		return;
	table = rawcall6(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (table < 0)
		return;
	if (!__atomic_compare_exchange_n(&image.seen_overflow, &none, (uint64_t *)table, false,
		    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		rawcall3(SYS_munmap, table, (long)size, 0);
}

void seen_add(struct segment *first, uint64_t key)
{
	uint64_t *line = NULL;

	for (unsigned level = SMALL; level < LEVELS; level++) {
		uint64_t *next = line_in(first, level, key);

		if (!next) {
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
