/*
 * Where an object's sites are: the offsets, from its base, of `syscall` instructions and of calls
 * of the function that makes cancellable ones. Nothing here has to be trusted, since site_at()
 * checks the bytes.
 */
#ifndef FOOTPRINT_PRELOAD_SITES_SITES_SEARCH_H
#define FOOTPRINT_PRELOAD_SITES_SITES_SEARCH_H

#include "preload/sites/sites_object.h"

#define SITES_MAX 96 /* of one object */

/* A bit in an offset: this site must be left alone, since other code seems to jump into it. */
#define SITE_REFUSED 0x80000000u

/* The sites of an object whose build-id stands in sites_known.def; the list ends with 0. NULL: not
 * known. */
const uint32_t *sites_known(const struct sites_object *object);

/* Searches all code of the object, which takes a third of a millisecond for a libc. Fills in at
 * most SITES_MAX offsets, some of them with SITE_REFUSED, and returns how many. */
unsigned sites_search(const struct sites_object *object, uint32_t ret_offsets[SITES_MAX]);

/* Would a search return this offset? */
bool sites_search_takes(const struct sites_object *object, uint32_t offset);

#endif
