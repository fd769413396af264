/*
 * One segment of a session's log: read from the memory that the process shares (never through a
 * mapping that it could pull away: memory.h), or put together from pieces that came by value.
 * proto/session_memory.h is the layout.
 *
 * Each slot is given to ingest_slot() once, wherever it comes from first. Slots that are being
 * written, and execs that may yet fail, are come back to. segment.c opens and acknowledges,
 * segment_memory.c reads what is shared, segment_value.c takes the pieces.
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

/* A piece of log is read at once; more than the largest slot. */
#define SEGMENT_CHUNK_SIZE (256u << 10)

struct revisit {
	uint64_t offset;
	uint64_t since_ms;
	uint32_t size;	/* of an execution's payload */
	bool execution; /* it is written, and waits whether it is taken back; else it was being
			   written */
};

/* An exec slot that came by value: the process says it again, as VOID, if the exec fails. */
struct pending_exec {
	uint64_t offset;
	uint64_t since_ms;
	size_t size;
	uint8_t *payload;
};

struct segment {
	struct memory memory; /* shared; none, or read to its end and closed */
	bool shared;	      /* the memory has (or had) the log */
	bool read;	      /* to its end: nobody who writes is left, or says so by memory */
	uint64_t device, inode;
	uint32_t hello_offset, hello_size; /* as the header says: not checked */
	uint32_t log_offset, log_size;
	uint64_t tail;
	uint64_t walked;	  /* slots before here have been seen */
	struct revisit *revisits; /* in order; but for these all of them are facts */
	unsigned n_revisits;
	struct extents extents; /* what came by value */
	struct pending_exec *execs;
	unsigned n_execs;
	struct extents counted; /* slots here were counted by an aggregator before us */
	uint64_t marked;	/* see session.mark_serial */
	uint64_t applied;	/* before here, everything is in the manifest in memory */
	uint64_t covered;	/* ... in the one being written */
	uint64_t acknowledged;	/* ... in the one on disk */
	uint64_t torn_begin,
		torn_end; /* of what damaged spool entries would have held; end 0: none */
	uint64_t lost;
	uint32_t processes, users;
};

/* Checks what stands behind fd: a sealed memory of the right shape. 0; -EBADMSG with err. */
int segment_open(int fd, struct segment **ret, struct error *err);
/* The same of a cell of a pool: `size` bytes that are ours, and stay so. The caller sets device and
 * inode, which tell memories apart. */
int segment_open_cell(void *cell, size_t size, struct segment **ret, struct error *err);
/* The same of what such a cell held when nobody wrote there any more, which is copied. */
int segment_open_copy(const uint8_t *bytes, size_t size, struct segment **ret, struct error *err);
/* Without memory: log comes by value. NULL: no memory. */
struct segment *segment_new(void);
void segment_free(struct segment *segment);
/* Looks at the counters of the memory, if there is one. */
void segment_look(struct segment *segment);
/* Are they the same memory? */
bool segment_same(const struct segment *one, const struct segment *other);
/* Its memory, which had been read to its end, comes once more: what is new there is read. `again`
 * is freed. */
void segment_go_on(struct segment *segment, struct segment *again);
/* Does memory that is being read have all of the log? Then pieces by value add nothing. */
static inline bool segment_has_all(const struct segment *segment)
{
	return segment->shared && !segment->read;
}

/* Reads what is new. final: the last writer is gone (segment_look() has seen its last counters).
 * 0: all that there is, or what follows waits for executions to settle; 1: stopped for now, facts
 * must be applied first; -EBADMSG with err: damaged; -ENOMEM: try again. */
int segment_read(struct session *session, struct segment *segment, bool final, struct error *err);
/* Takes a piece of log. An exec in it counts as done when it has stood for a while, and no VOID
 * slot has taken it back, or with segment_settle_execs(). */
int segment_add_log(struct session *session, struct segment *segment, uint64_t offset,
	const uint8_t *log, size_t size, struct error *err);

/* The memory of a segment that came by value so far: execs that are pending in `before` go on
 * there, where a later look tells what came of them. */
void segment_inherit_execs(struct segment *segment, struct segment *before);

/* Execs that came by value become facts: those that have stood for a while, or all. 0, -ENOMEM. */
int segment_settle_execs(struct session *session, struct segment *segment, bool all);

/* Up to here all slots have become facts. */
uint64_t segment_ingested(const struct segment *segment);
/* Adds to ret where the slots are that have been counted, by us or before us. 0, -ENOMEM,
 * -ENOSPC. */
int segment_counted(const struct segment *segment, struct extents *ret);
/* Says in the shared memory how much is on disk. The process may have sealed it against us. */
void segment_acknowledge(struct segment *segment);

#endif
