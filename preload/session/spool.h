/*
 * The spool: a file that takes records which no aggregator has acknowledged (proto/WIRE.md).
 */
#ifndef FOOTPRINT_PRELOAD_SESSION_SPOOL_H
#define FOOTPRINT_PRELOAD_SESSION_SPOOL_H

#include <stdint.h>

#include "preload/session/memory.h"

/* Appends an entry without a log: it says how many processes the image had, until when they lived,
 * and how many records are lost. 0 or a negative errno. */
int spool_counts(struct segment *segment);

/* Appends all that is neither acknowledged nor spooled. 0 or a negative errno; then a part of it
 * may have been appended. */
int spool_rest(struct segment *segment);

/* The same, for records that are all "in the making" (SPOOL_ENTRY_MAKING_MAGIC), or that were sent
 * to the aggregator. */
int spool_making(struct segment *segment);

/* There was no room for the records: appends only how many of them are lost, which becomes a gap.
 * This may use the part of the file system that records leave free. 0 or a negative errno. */
int spool_loss(struct segment *segment);

/* Up to which offset the log in this copy of a cell has only finished slots; at most `to`. */
uint64_t spool_settled_end(struct segment *copy, uint64_t to);
/*
 * Appends what a cell of the pool holds that is neither acknowledged nor spooled. Other processes
 * write the cell, so nothing that stands there is trusted.
 *
 * copy: a copy of the cell, POOL_CELL_SIZE bytes. *spooled: how many bytes of its log are spooled;
 * is moved on. *file: the spool file, -1 at first; the caller closes it. 0 or a negative errno:
 * nothing more can be appended.
 */
int spool_cell(struct segment *copy, uint32_t *spooled, int *file);
/* How many records spool_cell() would append. */
uint64_t spool_count(struct segment *copy, uint32_t spooled);

/* Appends one slot, of a call that has not returned to the application yet. 0 or a negative
 * errno. */
int spool_slot(struct segment *segment, const uint32_t *slot);

#endif
