/*
 * Which stub of sites_call.S a site goes to. A stub has a number, its place among all of them,
 * which is also the site's place in site_returns.
 */
#ifndef FOOTPRINT_PRELOAD_SITES_SITES_STUBS_H
#define FOOTPRINT_PRELOAD_SITES_SITES_STUBS_H

#include <stdbool.h>
#include <stddef.h>

#include "preload/sites/sites_call.h"

/* How many stubs of each kind are taken. */
struct stubs {
	uint8_t used[SITE_KINDS];
	bool taken; /* an object has taken its stubs */
};

#define STUBS_IN_ALL (STUBS_BEFORE_DEFERRED + STUBS_DEFERRED)

/* Takes a stub of this kind, and returns its number; negative: all are taken. The same sequence of
 * calls gives the same numbers. */
int stub_take(struct stubs *stubs, enum site_kind kind);

/* Where a stub begins. */
static inline const char *stub_at(unsigned number)
{
	return site_stubs + (size_t)number * SITE_STUB_SIZE;
}

/* Is this the start of a stub? */
bool stub_is_at(uint64_t address);

/* Does any redirected site go on within these `size` bytes of code? Reads nothing at `code`. */
bool stub_returns_into(const uint8_t *code, size_t size);

#endif
