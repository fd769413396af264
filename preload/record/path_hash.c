#include "preload/record/path_hash.h"

#include "preload/record/seen.h"
#include "preload/text.h"

/* The bytes of a word before its first zero. */
static text_word before_zero(text_word word, uint64_t zero)
{
	return word & ((zero & -zero) - 1);
}

/* The path's next word: `rest`, which is shorter by `shift` bits, and the first bytes of `word`. */
static text_word joined(text_word rest, text_word word, unsigned shift)
{
	return rest | word << 1 << (63 - shift);
}

/* A word of zeros is no part of a path: no step is made for it. */
static uint64_t add(uint64_t sum, text_word word)
{
	return word ? seen_step(sum, word) : sum;
}

/*
 * The same path hashes alike at every alignment, so its own words count, not those of memory: each
 * is joined from two of these, of which `rest` is what the last one left over. Zeros fill the last
 * one up; no path has any of its own.
 *
 * It takes more instructions than to find the length first, and 30 ns less: the end of each loop is
 * guessed wrong.
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
