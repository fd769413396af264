/*
 * What a search for sites has found, kept for later starts in a file beside the library:
 * libfootprint.so.sites-BUILDID. Whoever may write there could as well replace the library, and the
 * file is trusted no more than that (doc/decisions/sites.md). An offset in it is only used if a
 * search would have found it, too.
 */
#ifndef FOOTPRINT_PRELOAD_SITES_SITES_CACHE_H
#define FOOTPRINT_PRELOAD_SITES_SITES_CACHE_H

#include "preload/sites/sites_search.h"

/* Would a search return this offset? */
typedef bool sites_taker(const struct sites_object *object, uint32_t offset);

/* The sites of an object that an earlier search found, each of which it would find again, as
 * `takes` says: fills `ret_offsets` and returns how many there are. 0: not known, or the file
 * cannot be trusted. */
unsigned sites_recall(
	const struct sites_object *object, sites_taker *takes, uint32_t ret_offsets[SITES_MAX]);

/* Writes such a file, if that is possible. */
void sites_keep(const struct sites_object *object, const uint32_t *offsets, unsigned count);

#endif
