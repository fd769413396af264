/*
 * Strings and bytes without libc. memcpy and its kin also stand here because gcc may emit calls to
 * them; they are hidden, so nothing binds to libc's and libc's users do not bind to ours.
 */
#ifndef FOOTPRINT_PRELOAD_TEXT_H
#define FOOTPRINT_PRELOAD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_NUMBER_SIZE 21 /* the longest 64-bit number in decimal, and NUL */

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);

/* For reading text a word at a time. An aligned word lies within one page: where one of its bytes
 * can be read, all of them can. */
typedef uint64_t __attribute__((may_alias)) text_word;

/* The highest bit of the first zero byte in a word (bits above it mean nothing); 0: it has none. */
static inline uint64_t text_first_zero(text_word word)
{
	const uint64_t ones = UINT64_MAX / 0xff;

	return (word - ones) & ~word & ones << 7;
}

size_t text_length(const char *text);
/* The length of the text, but at most `limit`. Reads no further than the word that holds the
 * end. */
size_t text_length_limited(const char *text, size_t limit);
bool text_equal(const char *a, const char *b);

/* Inline, because a start calls it for each variable of the environment, and most differ in the
 * first byte. */
static inline bool text_begins(const char *text, const char *prefix)
{
	for (; *prefix; text++, prefix++)
		if (*text != *prefix)
			return false;
	return true;
}

/* What stands behind the last '/' of a path. */
const char *text_file_name(const char *path);

/* Appends `text` at `to`, never past `end`; returns the new end of the text, which is always
 * terminated. `to` must be below `end`. */
char *text_append(char *to, char *end, const char *text);
char *text_append_number(char *to, char *end, uint64_t number);

bool text_is_utf8(const unsigned char *text, size_t size);

/* The value of `name` in an environment, NULL: not there. */
const char *text_environment(char *const *envp, const char *name);

#endif
