/*
 * What a search for sites has found, kept in a file beside the library for the starts that follow:
 * libfootprint.so.sites-BUILDID. Who may write there could as well replace the library, so that the
 * file is trusted no more than that (doc/decisions/sites.md); and an offset in it counts for
 * nothing unless a search would have taken it.
 */
#ifndef FOOTPRINT_PRELOAD_SITES_SITES_CACHE_H
#define FOOTPRINT_PRELOAD_SITES_SITES_CACHE_H

#include "preload/sites/sites_search.h"

/* The sites of an object that were found before: fills `ret_offsets` and returns how many; 0: not
 * known, or the file is not to be believed. */
unsigned sites_recall(const struct sites_object *object, uint32_t ret_offsets[SITES_MAX]);

/* Keeps them where that is possible, else nothing happens. */
void sites_keep(const struct sites_object *object, const uint32_t *offsets, unsigned count);

#endif
