/* What the files of segments share among themselves; segment.h is for everybody else. */
#ifndef FOOTPRINT_AGGREGATOR_SESSIONS_SEGMENT_PARTS_H
#define FOOTPRINT_AGGREGATOR_SESSIONS_SEGMENT_PARTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "aggregator/sessions/segment.h"

/* A slot to come back to: a process has that many threads in the middle of a record at most. Of a
 * shell's loop that went on while we did not look, so many executions settle at once. */
#define REVISITS_MAX 4096u
/* Else what has been counted between them could not be said. */
_Static_assert(EXTENTS_MAX >= 2 * REVISITS_MAX, "each may be a hole, and more were holes before");
/* An exec slot that has stood so long was no failure. */
#define EXEC_SETTLED_MS 1000

/* A slot that is done becomes a fact, and is counted unless somebody before us did. As
 * ingest_slot(). */
int segment_take(struct session *session, const struct segment *segment, uint64_t offset,
	const uint8_t *payload, size_t size, struct error *err);
/* From its shared memory; offset counts from the beginning of the log. Bytes, or negative errno. */
ssize_t segment_read_log(
	const struct segment *segment, uint8_t *buffer, uint64_t offset, size_t size);

#endif
