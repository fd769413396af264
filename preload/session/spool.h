/*
 * The spool: a file that takes records which no aggregator has acknowledged (proto/WIRE.md).
 */
#ifndef FOOTPRINT_PRELOAD_SESSION_SPOOL_H
#define FOOTPRINT_PRELOAD_SESSION_SPOOL_H

#include <stdint.h>

#include "preload/session/memory.h"

/* An entry without a log: how many processes there were, until when, and how many records are lost.
 * 0 or a negative errno. */
int spool_counts(struct segment *segment);

/* Appends all that is neither acknowledged nor spooled. 0 or a negative errno: some of it may be
 * there. */
int spool_rest(struct segment *segment);

/* The same, of records that are all in the making (SPOOL_ENTRY_MAKING_MAGIC), or that the
 * aggregator has been sent. */
int spool_making(struct segment *segment);

/* There was no room for that: appends how many records are lost, which is a gap then. It may use
 * the part of the file system that records leave free. 0 or a negative errno. */
int spool_loss(struct segment *segment);

/* Up to where the log in the copy of a cell stands whole, `to` at most: bytes. */
uint64_t spool_settled_end(struct segment *copy, uint64_t to);
/*
 * Appends what a cell of the pool holds that is neither acknowledged nor spooled. Other processes
 * write it, so nothing that stands there is believed. first: segment 0 of this image. copy: of the
 * cell, POOL_CELL_SIZE bytes. *spooled: how much of its log is, moved on. *file: the spool file, -1
 * at first; the caller closes it. 0 or a negative errno: nothing more can be appended.
 */
int spool_cell(struct segment *first, struct segment *copy, uint32_t *spooled, int *file);
/* How many records that would be. */
uint64_t spool_count(struct segment *copy, uint32_t spooled);

/* Appends one slot, whose call has not returned yet. 0 or a negative errno. */
int spool_slot(struct segment *segment, const uint32_t *slot);

#endif
