/*
 * Which stub of sites_call.S a site goes to. A stub has a number, its place among all of them,
 * which is also the site's place in site_returns.
 */
#ifndef FOOTPRINT_PRELOAD_SITES_SITES_STUBS_H
#define FOOTPRINT_PRELOAD_SITES_SITES_STUBS_H

#include <stdbool.h>
#include <stddef.h>

#include "preload/sites/sites_call.h"

/* Stubs that are taken, by kind. */
struct stubs {
	uint8_t used[SITE_KINDS];
	bool taken; /* an object has had its turn */
};

#define STUBS_IN_ALL (STUBS_BEFORE_DEFERRED + STUBS_DEFERRED)

/* The number of a stub of this kind that no site has; negative: all are taken. The same calls give
 * the same numbers. */
int stub_take(struct stubs *stubs, enum site_kind kind);

/* Where a stub begins. */
static inline const char *stub_at(unsigned number)
{
	return site_stubs + (size_t)number * SITE_STUB_SIZE;
}

/* Is this the start of a stub? */
bool stub_is_at(uint64_t address);

/* Does a site among so many bytes of code go on there? Nothing is read at `code`. */
bool stub_returns_into(const uint8_t *code, size_t size);

#endif
