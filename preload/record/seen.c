#include "preload/record/seen.h"

#include <stddef.h>

#include "preload/image.h"
#include "preload/mapping.h"
#include "preload/rawcall.h"

#define OVERFLOW_SIZE (2ul << 20) /* bytes: a huge page */
#define OVERFLOW_LINES                                                                             \
	(OVERFLOW_SIZE / (SEEN_LINE * sizeof(uint64_t)) - FILTER_WORDS / SEEN_LINE - 1)
#define SURELY_NEW   8u	    /* new facts in a row, after which the next one is taken for new */
#define FILTER_WORDS 8192ul /* 64 KiB, which stays in a near cache; two bits or more a key */

/*
 * The last level: lines of keys, and a filter in front of them (a Bloom filter in which each key
 * sets two bits of one word).
 *
 * Neither a line of it nor a word of its filter is likely to be in the cache, since the kernel ran
 * in between, and a new fact should not wait for them. So after SURELY_NEW new facts in a row, the
 * next one is taken for new as well. Its line and its filter word are only prefetched. They are
 * looked at when the fact after it comes (settle_newest): if the key turns out to have been there,
 * one fact was recorded twice, and the next facts wait for an answer again.
 */
struct seen_overflow {
	uint64_t lines[OVERFLOW_LINES][SEEN_LINE];
	uint64_t filter[FILTER_WORDS]; /* a key that it does not hold is in no line */
	uint64_t newest; /* key of the last new fact, which is not in its line yet; 0: none */
	uint64_t new_in_a_row;
	uint64_t unused[SEEN_LINE - 2];
};

_Static_assert(sizeof(struct seen_overflow) == OVERFLOW_SIZE, "it fills its page");

static uint64_t *overflow_line(struct seen_overflow *overflow, uint64_t key)
{
	return overflow->lines[(key >> 32) * OVERFLOW_LINES >> 32];
}

static uint64_t *filter_word(struct seen_overflow *overflow, uint64_t key)
{
	return &overflow->filter[key % FILTER_WORDS];
}

/* The two bits of the word that stand for the key: fewer false positives than with one. */
static uint64_t filter_bits(uint64_t key)
{
	return 1ull << (key >> 13) % 64 | 1ull << (key >> 19) % 64;
}

/* Two threads that change the same word may lose a bit: then a fact is recorded twice. */
static void filter_add(struct seen_overflow *overflow, uint64_t key)
{
	uint64_t *word = filter_word(overflow, key);

	__atomic_store_n(
		word, __atomic_load_n(word, __ATOMIC_RELAXED) | filter_bits(key), __ATOMIC_RELAXED);
}

/* False: the key is in no line. True: it may be in one. */
static bool filter_holds(struct seen_overflow *overflow, uint64_t key)
{
	return !(filter_bits(key) & ~__atomic_load_n(filter_word(overflow, key), __ATOMIC_RELAXED));
}

static bool overflow_holds(struct seen_overflow *overflow, uint64_t key)
{
	bool full;

	return filter_holds(overflow, key) &&
	       seen_stands_in(overflow_line(overflow, key), key, &full);
}

/* Two threads that change the same line may lose a key: then a fact is recorded twice. */
static void overflow_put(struct seen_overflow *overflow, uint64_t key)
{
	uint64_t *line = overflow_line(overflow, key);
	unsigned place = 0;

	/* Counts the keys, which stand at the beginning of the line; without a branch, as in
	 * seen_stands_in(). */
#pragma GCC unroll 8
	for (unsigned i = 0; i < SEEN_LINE; i++)
		place += __atomic_load_n(&line[i], __ATOMIC_RELAXED) != 0;
	__atomic_store_n(&line[place < SEEN_LINE ? place : key >> 61], key, __ATOMIC_RELAXED);
}

/* Was the fact before this one really new? Then its key goes into its line now. Two threads that
 * come here at once may lose a key: then a fact is recorded twice. */
static void settle_newest(struct seen_overflow *overflow)
{
	uint64_t key = __atomic_load_n(&overflow->newest, __ATOMIC_RELAXED);
	uint64_t in_a_row = __atomic_load_n(&overflow->new_in_a_row, __ATOMIC_RELAXED) + 1;

	if (!key)
		return;
	__atomic_store_n(&overflow->newest, 0, __ATOMIC_RELAXED);
	if (overflow_holds(overflow, key)) {
		in_a_row = 0;
	} else {
		filter_add(overflow, key);
		overflow_put(overflow, key);
	}
	__atomic_store_n(&overflow->new_in_a_row, in_a_row, __ATOMIC_RELAXED);
}

bool seen_overflow_knows(struct seen_overflow *overflow, uint64_t key)
{
	__builtin_prefetch(filter_word(overflow, key));
	__builtin_prefetch(overflow_line(overflow, key));
	if (__atomic_load_n(&overflow->newest, __ATOMIC_RELAXED) == key)
		return true;
	settle_newest(overflow);
	if (__atomic_load_n(&overflow->new_in_a_row, __ATOMIC_RELAXED) >= SURELY_NEW ||
		!overflow_holds(overflow, key))
		return false;
	__atomic_store_n(&overflow->new_in_a_row, 0, __ATOMIC_RELAXED);
	return true;
}

static void overflow_add(struct seen_overflow *overflow, uint64_t key)
{
	settle_newest(overflow);
	__atomic_store_n(&overflow->newest, key, __ATOMIC_RELAXED);
}

/* Puts the key into a free place of the line. True also if it is there already; false: the line is
 * full. Looks before it tries to write: most lines of the first levels are full, and a
 * compare-and-swap that fails costs as much as one that succeeds. */
static bool add_to(uint64_t *line, uint64_t key)
{
	for (unsigned i = 0; i < SEEN_LINE; i++) {
		uint64_t found = __atomic_load_n(&line[i], __ATOMIC_RELAXED);

		if (!found && __atomic_compare_exchange_n(&line[i], &found, key, false,
				      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return true;
		if (found == key)
			return true;
	}
	return false;
}

/* Maps `size` bytes of zeros at an address that is a multiple of `size`. NULL: there is no
 * memory. */
static void *map_aligned(size_t size)
{
	char *room = map_with(2 * size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before = -(size_t)room & (size - 1);

	if (!room)
		return NULL;
	if (before)
		unmap(room, before);
	unmap(room + before + size, size - before);
	return room + before;
}

static void add_level(
	struct segment *first, unsigned level, uint64_t keys, struct seen_overflow *overflow)
{
	const uint64_t *from = seen_line(first, false, level, 0);

	for (uint64_t i = 0; i < keys; i++) {
		uint64_t key = __atomic_load_n(&from[i], __ATOMIC_RELAXED);

		if (key) {
			filter_add(overflow, key);
			overflow_put(overflow, key);
		}
	}
}

/*
 * The last level is most of the set's size, and few images need it, so a process makes it when the
 * other levels are full.
 *
 * Probes go to random places of it, so it is one huge page, where the kernel provides that: this
 * costs as much as thirty small pages, where 512 page faults would be needed otherwise. As a rule
 * only private memory can be a huge page, so each process of the image has a last level of its own:
 * a fork continues with a copy.
 *
 * From now on it replaces the other levels in this process. A key that another thread or process
 * adds to these while they are copied may be missing: then a fact is recorded twice.
 */
static void make_overflow(struct segment *first)
{
	struct seen_overflow *none = NULL, *overflow;

	if (image.memory_only)
		return;
	overflow = map_aligned(OVERFLOW_SIZE);
	if (!overflow)
		return;
	rawcall3(SYS_madvise, (long)overflow, OVERFLOW_SIZE, MADV_HUGEPAGE);
	add_level(first, SEEN_IN_SMALL, SEEN_SMALL, overflow);
	add_level(first, SEEN_IN_MIDDLE, SEEN_MIDDLE, overflow);
	add_level(first, SEEN_IN_LARGE, SEEN_LARGE, overflow);
	if (!__atomic_compare_exchange_n(&image.seen_overflow, &none, overflow, false,
		    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		unmap(overflow, OVERFLOW_SIZE);
}

/* A full line forgets one of its keys. */
static void add_or_replace(uint64_t *line, uint64_t key)
{
	if (!add_to(line, key))
		__atomic_store_n(&line[key >> 61], key, __ATOMIC_RELAXED);
}

void seen_add(struct segment *first, uint64_t key)
{
	struct seen_overflow *overflow = seen_overflow();
	bool cell = segment_is_cell(first);

	for (unsigned level = SEEN_IN_SMALL; level < seen_levels(cell) && !overflow; level++)
		if (add_to(seen_line(first, cell, level, key), key))
			return;
	if (!overflow && !cell) {
		make_overflow(first);
		overflow = seen_overflow();
	}
	if (overflow)
		overflow_add(overflow, key);
	else
		add_or_replace(seen_line(first, cell, seen_levels(cell) - 1, key), key);
}

void seen_copy(struct segment *first, struct segment *cell)
{
	static const uint64_t sizes[] = {
		[SEEN_IN_SMALL] = SEEN_SMALL, [SEEN_IN_MIDDLE] = SEEN_MIDDLE
	};

	for (unsigned level = SEEN_IN_SMALL; level < seen_levels(true); level++)
		for (uint64_t i = 0; i < sizes[level]; i++) {
			uint64_t key = seen_line(cell, true, level, 0)[i];

			if (key)
				seen_add(first, key);
		}
}
