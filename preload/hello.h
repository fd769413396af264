/*
 * The Hello: who speaks. It stands in the segment, so that memory, socket and spool say the same.
 */
#ifndef FOOTPRINT_PRELOAD_HELLO_H
#define FOOTPRINT_PRELOAD_HELLO_H

#include "preload/entry.h"
#include "preload/memory.h"

/* What FOOTPRINT_* say; each may be NULL. */
struct settings {
	const char *socket; /* FOOTPRINT_SOCKET; never NULL */
	const char *spool;
	const char *application;
	const char *version;
};

/* Writes copies of the paths and the hello into segment 0, and opens its log. Sets image.directory.
 * root: an O_PATH descriptor of "/", or -1. */
void hello_write_first(struct segment *segment, const struct settings *settings,
	const struct entry *entry, int root);

/* Into a further segment: segment->first and ->number are set. */
void hello_write_next(struct segment *segment);

#endif
