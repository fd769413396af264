/*
 * One segment of a session's log: read from the memory that the process shares (memory.h), or put
 * together from pieces that come by value. proto/session_memory.h has the layout.
 *
 * Each slot is given to ingest_slot() once, whichever way it comes first. Slots that are still
 * being written, and executions that may yet fail, are looked at again later. segment.c opens
 * segments and acknowledges, segment_memory.c reads what is shared, segment_value.c takes the
 * pieces.
 */
#ifndef FOOTPRINT_AGGREGATOR_SESSIONS_SEGMENT_H
#define FOOTPRINT_AGGREGATOR_SESSIONS_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/sessions/extents.h"
#include "aggregator/sessions/memory.h"
#include "lib/base/error.h"

struct session;

/* Bytes of a log that are read at once: more than the largest slot has. */
#define SEGMENT_CHUNK_SIZE (256u << 10)

/* A slot that is to be looked at again. */
struct revisit {
	uint64_t offset;   /* in the log */
	uint64_t since_ms; /* uv_now() when it was first seen */
	uint32_t size;	   /* of an execution's payload */
	/* A complete execution, which may yet be taken back; else a slot that was being written. */
	bool execution;
};

/* An execution that came by value. If it fails, the process sends the slot again, as VOID. */
struct pending_exec {
	uint64_t offset;
	uint64_t since_ms;
	size_t size;
	uint8_t *payload;
};

struct segment {
	/* What the process shares; none if there is none, or it was read to its end and closed. */
	struct memory memory;
	bool shared; /* the log is (or was) in the memory */
	bool read;   /* the memory was read to its end: no process that writes there is left */
	uint64_t device, inode;
	uint32_t hello_offset, hello_size; /* as the header says; not checked */
	uint32_t log_offset, log_size;
	uint64_t tail;
	uint64_t walked;	  /* offset in the log: all slots before it have been seen */
	struct revisit *revisits; /* ascending; all else before `walked` is a fact */
	unsigned n_revisits;
	struct extents extents; /* what has come by value */
	struct pending_exec *execs;
	unsigned n_execs;
	struct extents counted; /* the slots that an earlier aggregator has counted */
	uint64_t marked;	/* see session.mark_serial */
	uint64_t applied; /* offset in the log: what is before it is in the manifest in memory */
	uint64_t covered; /* ... in the one being written */
	uint64_t acknowledged; /* ... in the one on disk */
	bool left;	       /* the process knows that we end */
	/* Range of the log that damaged spool entries held; end 0: none. */
	uint64_t torn_begin, torn_end;
	/* Up to where the spool has said what the memory says as well, and when (uv_now) it did:
	 * its files stay until that was read. */
	uint64_t spooled;
	uint64_t spooled_ms;
	uint64_t lost;
	uint32_t processes, users;
};

/* Opens the memory behind `fd`, which must be sealed and of the right layout. 0; -EBADMSG with err.
 * On success the descriptor belongs to the segment. */
int segment_open(int fd, struct segment **ret, struct error *err);
/* The same for a cell of a pool: `size` bytes that are ours, and stay mapped. The caller sets
 * device and inode, by which memories are told apart. */
int segment_open_cell(void *cell, size_t size, struct segment **ret, struct error *err);
/* The same for the content of a cell in which nobody writes any more. It is copied. */
int segment_open_copy(const uint8_t *bytes, size_t size, struct segment **ret, struct error *err);
/* A segment without shared memory, whose log comes by value. NULL: no memory. */
struct segment *segment_new(void);
void segment_free(struct segment *segment);
/* Reads the counters in the shared memory, if there is one. */
void segment_look(struct segment *segment);
/* Are both the same shared memory? */
bool segment_same(const struct segment *one, const struct segment *other);
/* The memory of a segment that was read to its end has come once more: what is new in it will be
 * read. Frees `again`. */
void segment_go_on(struct segment *segment, struct segment *again);
/* Is all of the log in memory that is still being read? Then pieces by value add nothing. */
static inline bool segment_has_all(const struct segment *segment)
{
	return segment->shared && !segment->read;
}

/* Reads what is new in the shared memory. final: the last process that writes there is gone, and
 * segment_look() has read its last counters. 0: all was read, or what follows waits until
 * executions are settled; 1: stopped, since facts must be applied first; -EBADMSG with err:
 * damaged; -ENOMEM: to be tried again. */
int segment_read(struct session *session, struct segment *segment, bool final, struct error *err);
/* Takes a piece of log that came by value. An execution in it counts as done when it has stood for
 * EXEC_SETTLED_MS and no VOID slot has taken it back, or with segment_settle_execs(). */
int segment_add_log(struct session *session, struct segment *segment, uint64_t offset,
	const uint8_t *log, size_t size, struct error *err);

/* For a segment whose log came by value, and whose memory has come now: takes over the executions
 * that are pending in `before`. The memory tells later what became of them. */
void segment_inherit_execs(struct segment *segment, struct segment *before);

/* Since when (uv_now) a slot has waited to become a fact that came by value, or has come, but was
 * left to the memory. UINT64_MAX: none waits. */
uint64_t segment_pending_since(const struct segment *segment);

/* Has the spool said something that is to be read from the memory, and was not yet? */
bool segment_unread(const struct segment *segment);

/* Makes facts of executions that came by value: those that have stood for EXEC_SETTLED_MS, or all.
 * 0 or -ENOMEM. */
int segment_settle_execs(struct session *session, struct segment *segment, bool all);

/* The offset in the log before which all slots have become facts. */
uint64_t segment_ingested(const struct segment *segment);
/* Adds to ret the ranges of the log whose slots were counted, by us or before us. 0, -ENOMEM or
 * -ENOSPC. */
int segment_counted(const struct segment *segment, struct extents *ret);
/* Writes into the shared memory how much of the log is on disk. The process may have sealed it
 * against writing; then nothing happens. */
void segment_acknowledge(struct segment *segment);
/* Writes there that it is read once more and then no more. False: nobody needs to be told, or was
 * told before. */
bool segment_leave(struct segment *segment);

#endif
