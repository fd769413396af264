/*
 * Writing manifests to disk, several at a time: a disk needs as long to make one file last as many.
 * One after another, thousands take longer than service managers wait for the end of a daemon.
 */
#ifndef FOOTPRINT_AGGREGATOR_MANIFESTS_WRITING_H
#define FOOTPRINT_AGGREGATOR_MANIFESTS_WRITING_H

#include <stddef.h>

struct snapshot_item;

/* Writes the manifests of these items into the directory, and fills in their results: what has 0 is
 * there to stay. To be called on a thread that may wait. */
void manifests_write(struct snapshot_item *items, size_t n, int directory);

#endif
