/* What the files of segments share among themselves; segment.h is for everybody else. */
#ifndef FOOTPRINT_AGGREGATOR_SESSIONS_SEGMENT_PARTS_H
#define FOOTPRINT_AGGREGATOR_SESSIONS_SEGMENT_PARTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "aggregator/sessions/segment.h"

/* How many slots of a segment may wait to be looked at again. A process has no more threads than
 * that in the middle of a record. The executions of a shell's loop settle in groups of as many. */
#define REVISITS_MAX 4096u
/* Otherwise the ranges that have been counted between them could not be expressed. */
_Static_assert(EXTENTS_MAX >= 2 * REVISITS_MAX, "each may be a hole, and more were holes before");
/* An execution that has not been taken back for so long has succeeded. */
#define EXEC_SETTLED_MS 1000

/* Makes a fact of a complete slot, and counts it unless an earlier aggregator has. Returns what
 * ingest_slot() does. */
int segment_take(struct session *session, const struct segment *segment, uint64_t offset,
	const uint8_t *payload, size_t size, struct error *err);
/* Reads from the log in shared memory; offset: in the log. Returns the bytes read, or a negative
 * errno. */
ssize_t segment_read_log(
	const struct segment *segment, uint8_t *buffer, uint64_t offset, size_t size);

#endif
