/*
 * Interned byte strings: each distinct one is kept once and named by a number.
 *
 * Number 0 is the empty string. Numbers follow the order of arrival: they say nothing about order
 * of content. A string costs its bytes, a NUL behind it, and 25 to 35 bytes.
 */
#ifndef FOOTPRINT_BASE_STRINGS_H
#define FOOTPRINT_BASE_STRINGS_H

#include "lib/base/arena.h"

#define STRINGS_MAX (1u << 30)

struct interned {
	const char *bytes; /* followed by a NUL */
	uint32_t size;	   /* without it */
	uint32_t hash;
};

/* Zero-initialised: no string but the empty one. */
struct strings {
	struct arena arena;
	struct interned *list; /* number n stands at n - 1 */
	uint32_t count;
	uint32_t capacity;
	uint32_t *index; /* numbers; 0: free */
	uint32_t index_mask;
};

void strings_deinit(struct strings *s);

/* 0 or -ENOMEM. */
int strings_add(struct strings *s, const void *bytes, size_t size, uint32_t *ret_number);
/* The string's number, or UINT32_MAX. */
uint32_t strings_find(const struct strings *s, const void *bytes, size_t size);

/* Good until strings_deinit(). */
struct interned strings_at(const struct strings *s, uint32_t number);

/* As memcmp: by bytes, a prefix before what it begins. */
int strings_compare(const struct strings *s, uint32_t a, uint32_t b);

#endif
