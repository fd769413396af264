#include "preload/record/seen.h"

#include <stddef.h>

#include "preload/image.h"
#include "preload/mapping.h"
#include "preload/rawcall.h"

#define LINE 8u /* keys */

enum { SMALL, MIDDLE, LARGE, SHARED_LEVELS };

#define OVERFLOW_SIZE  (2ul << 20) /* bytes: a huge page */
#define OVERFLOW_LINES (OVERFLOW_SIZE / (LINE * sizeof(uint64_t)) - FILTER_WORDS / LINE - 1)
#define SURELY_NEW     8u     /* facts in a row */
#define FILTER_WORDS   8192ul /* 64 KiB, which a processor keeps near; two bits a key and more */

/*
 * The last level. Neither a line of it nor a word of its filter is in a cache near by, the kernel
 * having been there in between, and a new fact is not to wait for them. So after some facts in a
 * row that were new the next one is taken for new, too: both are asked for, and looked at when the
 * fact after it comes. One that was known is recorded twice then, and the next ones wait again.
 */
struct seen_overflow {
	uint64_t lines[OVERFLOW_LINES][LINE];
	uint64_t filter[FILTER_WORDS]; /* what it does not hold stands in no line */
	uint64_t newest;	       /* not in its line yet; 0: none */
	uint64_t new_in_a_row;
	uint64_t unused[LINE - 2];
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

/* Two bits of it, which are wrong half as often as one. */
static uint64_t filter_bits(uint64_t key)
{
	return 1ull << (key >> 13) % 64 | 1ull << (key >> 19) % 64;
}

/* Two threads at one word may lose a bit: a fact is recorded twice then. */
static void filter_add(struct seen_overflow *overflow, uint64_t key)
{
	uint64_t *word = filter_word(overflow, key);

	__atomic_store_n(
		word, __atomic_load_n(word, __ATOMIC_RELAXED) | filter_bits(key), __ATOMIC_RELAXED);
}

/* Only for sure when it says no. */
static bool filter_holds(struct seen_overflow *overflow, uint64_t key)
{
	return !(filter_bits(key) & ~__atomic_load_n(filter_word(overflow, key), __ATOMIC_RELAXED));
}

/* Levels that stand in the segment. */
static unsigned shared_levels(const struct segment *first)
{
	return first->cell ? SMALL + 1 : SHARED_LEVELS;
}

/* The line of `key` in a level that stands in the segment. */
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
	default:
		table = segment_first_tail(first)->seen_large;
		lines = SEEN_LARGE / LINE;
		key >>= 16;
		break;
	}
	return table + (key & (lines - 1)) * LINE;
}

/* Is it in this line? *ret_full: it may be elsewhere. Where in the line it stands cannot be
 * guessed, so nothing is left out: a wrong guess costs more than the whole line. */
static bool stands_in(const uint64_t *line, uint64_t key, bool *ret_full)
{
	bool found = false;

#pragma GCC unroll 8
	for (unsigned i = 0; i < LINE; i++)
		found |= __atomic_load_n(&line[i], __ATOMIC_RELAXED) == key;
	*ret_full = __atomic_load_n(&line[LINE - 1], __ATOMIC_RELAXED) != 0;
	return found;
}

static bool overflow_holds(struct seen_overflow *overflow, uint64_t key)
{
	bool full;

	return filter_holds(overflow, key) && stands_in(overflow_line(overflow, key), key, &full);
}

/* Two threads in one line may lose a key: a fact is recorded twice then. */
static void overflow_put(struct seen_overflow *overflow, uint64_t key)
{
	uint64_t *line = overflow_line(overflow, key);
	unsigned place = 0;

	/* The keys in it, which stand at its beginning: how many cannot be guessed. */
#pragma GCC unroll 8
	for (unsigned i = 0; i < LINE; i++)
		place += __atomic_load_n(&line[i], __ATOMIC_RELAXED) != 0;
	__atomic_store_n(&line[place < LINE ? place : key >> 61], key, __ATOMIC_RELAXED);
}

/* Was the fact before this one new? Its key goes into its line. Two threads that come here at once
 * may lose one: a fact is recorded twice then. */
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

/* It knows all that the other levels do. */
static bool overflow_knows(struct seen_overflow *overflow, uint64_t key)
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

/* NULL: not needed yet, or it cannot be had. */
static struct seen_overflow *overflow_of(const struct segment *first)
{
	/* A cell is full of records soon. */
	return first->cell ? NULL : __atomic_load_n(&image.seen_overflow, __ATOMIC_ACQUIRE);
}

bool seen_before(struct segment *first, uint64_t key)
{
	struct seen_overflow *overflow = overflow_of(first);
	bool full, found;

	if (overflow)
		return overflow_knows(overflow, key);
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

/* `size` bytes of zeros at a multiple of it; NULL: there is no memory. */
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
	const uint64_t *from = line_in(first, level, 0);

	for (uint64_t i = 0; i < keys; i++) {
		uint64_t key = __atomic_load_n(&from[i], __ATOMIC_RELAXED);

		if (key) {
			filter_add(overflow, key);
			overflow_put(overflow, key);
		}
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
	struct seen_overflow *none = NULL, *overflow;

	if (image.memory_only)
		return;
	overflow = map_aligned(OVERFLOW_SIZE);
	if (!overflow)
		return;
	rawcall3(SYS_madvise, (long)overflow, OVERFLOW_SIZE, MADV_HUGEPAGE);
	add_level(first, SMALL, SEEN_SMALL, overflow);
	add_level(first, MIDDLE, SEEN_MIDDLE, overflow);
	add_level(first, LARGE, SEEN_LARGE, overflow);
	if (!__atomic_compare_exchange_n(&image.seen_overflow, &none, overflow, false,
		    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		unmap(overflow, OVERFLOW_SIZE);
}

/* A line that is full forgets. */
static void add_or_replace(uint64_t *line, uint64_t key)
{
	if (!add_to(line, key))
		__atomic_store_n(&line[key >> 61], key, __ATOMIC_RELAXED);
}

void seen_add(struct segment *first, uint64_t key)
{
	struct seen_overflow *overflow = overflow_of(first);

	for (unsigned level = SMALL; level < shared_levels(first) && !overflow; level++)
		if (add_to(line_in(first, level, key), key))
			return;
	if (!overflow && !first->cell) {
		make_overflow(first);
		overflow = overflow_of(first);
	}
	if (overflow)
		overflow_add(overflow, key);
	else
		add_or_replace(line_in(first, shared_levels(first) - 1, key), key);
}
