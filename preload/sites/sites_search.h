/*
 * Where an object's sites are: offsets from its base of `syscall` instructions, and of calls of the
 * function that makes cancellable ones. Nothing here is trusted: site_at() looks at the bytes.
 */
#ifndef FOOTPRINT_PRELOAD_SITES_SITES_SEARCH_H
#define FOOTPRINT_PRELOAD_SITES_SITES_SEARCH_H

#include "preload/sites/sites_object.h"

#define SITES_MAX 96 /* of one object */

/* In an offset: this one must be left alone, for code seems to jump into it. */
#define SITE_REFUSED 0x80000000u

/* Of an object whose build-id stands in sites_known.def; ends with 0. NULL: unknown. */
const uint32_t *sites_known(const struct sites_object *object);

/* Reads the whole code, which takes a third of a millisecond for a libc. Fills at most SITES_MAX
 * offsets, some of them with SITE_REFUSED, and returns how many. */
unsigned sites_search(const struct sites_object *object, uint32_t ret_offsets[SITES_MAX]);

/* Would a search take what stands at this offset, whatever it is? */
bool sites_search_takes(const struct sites_object *object, uint32_t offset);

#endif
