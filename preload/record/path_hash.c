#include "preload/record/path_hash.h"

#include "preload/record/seen.h"
#include "preload/text.h"

/* The bytes of a word before its first zero. */
static text_word before_zero(text_word word, uint64_t zero)
{
	return word & ((zero & -zero) - 1);
}

/* The path's next word: `rest`, which lacks `shift` bits, filled up with the first bytes of
 * `word`. */
static text_word joined(text_word rest, text_word word, unsigned shift)
{
	return rest | word << 1 << (63 - shift);
}

/* Adds a word, unless it is all zeros: then the path has ended before it. */
static uint64_t add(uint64_t sum, text_word word)
{
	return word ? seen_step(sum, word) : sum;
}

/*
 * Reads memory by aligned words, which never cross into a page that the path does not reach. The
 * hash must not depend on the path's alignment, so it is made of the path's own words: each is
 * joined from two words of memory, where `rest` is what is left over of the first. Zeros fill up
 * the last word of the path; a path has no zeros of its own.
 *
 * This takes more instructions than finding the length first would, but 30 ns less: the end of each
 * loop is a mispredicted branch, and there is one loop here, not two.
 */
__attribute__((no_sanitize("address"))) uint64_t path_hash(
	uint64_t base, const char *path, size_t limit, size_t *ret_size)
{
	uint64_t sum = seen_step(SEEN_START, base);
	unsigned before = (uintptr_t)path % sizeof(text_word);
	unsigned shift = before * 8;
	const text_word *at = (const text_word *)(const void *)(path - before);
	const text_word *last = (const text_word *)(const void *)(path + limit - sizeof(text_word));
	text_word word = *at, rest = word >> shift;
	uint64_t zero = text_first_zero(word | ((1ull << shift) - 1));

	if (zero) {
		*ret_size = (unsigned)__builtin_ctzll(zero) / 8 - before;
		return add(sum, before_zero(word, zero) >> shift);
	}
	for (word = *++at; !(zero = text_first_zero(word)); word = *++at) {
		sum = seen_step(sum, joined(rest, word, shift));
		rest = word >> shift;
		if (at >= last) {
			*ret_size = (size_t)((const char *)(at + 1) - path);
			return sum;
		}
	}
	word = before_zero(word, zero);
	sum = add(sum, joined(rest, word, shift));
	*ret_size = (size_t)((const char *)at - path) + (unsigned)__builtin_ctzll(zero) / 8;
	return add(sum, word >> shift);
}
