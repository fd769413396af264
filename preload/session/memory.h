/*
 * Segments: the memory that holds the records, shared by the forks of an image and with the
 * aggregator (proto/session_memory.h has the layout and the slot protocol).
 *
 * One of those who share it may have other rights, and may have been taken over: a web server's
 * worker, whose parent is root. So nothing that stands in a segment is used as an address or as a
 * size before it was checked. Where its parts are is in struct layout, which is private memory
 * (layout.h; tests/faults/test_hostile_relatives.py).
 *
 * The first access to a page costs microseconds. So what every process needs (the header, the first
 * level of the seen table, the hello, the first records) stands in the first page, and the larger
 * tables at the far end of the mapping, which is sparse.
 */
#ifndef FOOTPRINT_PRELOAD_SESSION_MEMORY_H
#define FOOTPRINT_PRELOAD_SESSION_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/record/encode.h"
#include "proto/pool.h"
#include "proto/session_memory.h"

/* Bytes; small, since a program may mlockall() what is mapped. */
#define SEGMENT_FIRST_SIZE (1u << 20)
#define SEGMENT_NEXT_SIZE  (4u << 20) /* bytes */

/* The seen table's levels (seen.c), in entries of 8 bytes. */
#define SEEN_SMALL  128u
#define SEEN_MIDDLE 512u
#define SEEN_LARGE  8192u

#define GONE_PROCESSES 31u

#define RECENT_EXECS   64u
#define KNOWN_PROGRAMS 32u

/* An exec of this image whose record stands in the log (facts.c). */
struct recent_exec {
	uint64_t key;
	uint64_t slot; /* low bits of the key, the time, and the offset in the log */
};

/* How the aggregator gets a segment's records. */
enum segment_way {
	SEGMENT_UNANNOUNCED = 0,
	SEGMENT_HELD = 1,     /* it holds the memfd */
	SEGMENT_BY_VALUE = 2, /* it has only the hello: records are sent in batches */
};

struct segment {
	struct session_memory head;
	struct cell_life life; /* of a cell, which the aggregator and other processes look at */

	/* From here on the recorder's own, which the aggregator skips. Shared by the forks of the
	 * image. */
	uint64_t spooled;  /* log bytes up to here are in the spool */
	uint64_t sent;	   /* log bytes up to here went out in batches */
	uint64_t released; /* end of the log, whose memory was given back; 0: it was not */
	uint32_t number;   /* Hello.segment */
	uint32_t segments; /* segment 0: numbers (Hello.segment) given out so far */
	uint32_t way;	   /* enum segment_way */
	uint32_t prefixes; /* segment 0: numbers given out so far (prefixes.h) */
	uint32_t starts;   /* segment 0: programs that the image has started, or tried to */
	uint8_t session[SESSION_ID_SIZE];
	/* Segment 0: the last processes that have said goodbye, and how many have. This is for who
	 * ends at the same moment. */
	uint32_t said_gone;
	int32_t gone[GONE_PROCESSES];
	uint64_t seen[SEEN_SMALL] __attribute__((aligned(64)));
};

/* At the end of every segment but a cell. */
struct segment_tail {
	struct recent_exec recent_execs[RECENT_EXECS];
	uint64_t known_programs[KNOWN_PROGRAMS]; /* segment 0: see program.c */
};

/* In segment 0, before the segment_tail. */
struct first_tail {
	uint64_t seen_middle[SEEN_MIDDLE];
	uint64_t seen_large[SEEN_LARGE];
};

/* A cell's only table, its last page: nearly all that is recorded in the pages before it fits
 * there. */
struct cell_tail {
	uint64_t seen_middle[SEEN_MIDDLE];
};

_Static_assert(sizeof(struct cell_tail) == POOL_PAGE, "few programs touch that page");

/* Where the parts of a segment are, of those that this process has mapped. */
struct layout {
	struct segment *segment;
	struct layout *next;	  /* in the list of all */
	struct segment *previous; /* NULL: this is segment 0 */
	/* Has the tables and counters of the image: segment 0, or what follows it if that is a
	 * cell. */
	struct segment *first;
	uint32_t size; /* bytes */
	uint32_t hello_offset, hello_size;
	uint32_t log_offset, log_size;
	bool cell; /* it is a cell of a pool: see struct cell_tail */
};

/* The layouts of an image, the latest first. One that no segment has any more does no harm. */
struct layouts {
	struct layout *list;
	struct layout usual; /* of the first segment, so that most programs need no memory for it */
};

/*
 * Makes a segment of `size` bytes: all zero except for its sizes and counters, with no hello and no
 * log yet. previous: the segment that it follows, or NULL. *ret_memfd: the memfd behind it, for the
 * caller to close, or -1 if there can be none (then only forks share it). NULL: there is no memory.
 */
struct segment *segment_new(uint32_t size, struct segment *previous, int *ret_memfd);

/* The same in a cell of a pool, whose first page is cleared. (The aggregator has cleared the
 * others.) False: there is no memory. */
bool segment_begin_cell(struct segment *segment);

/* Unmaps what segment_new() made. */
void segment_discard(struct segment *segment);
/* The same for all of an image that has one thread. */
void segments_discard(void);

/* The hello has been written at `hello_offset`: the log begins after it, and from now on others may
 * read the segment. */
void segment_open_log(struct segment *segment, uint32_t hello_offset, uint32_t hello_size);

struct segment_tail *segment_tail(struct segment *segment);
struct first_tail *segment_first_tail(struct segment *first);
struct cell_tail *segment_cell_tail(struct segment *cell);

/*
 * Appends a record and leaves its slot in `state` (READY or EXEC). Returns the slot's word, or NULL
 * when the segment is full. Lock-free; safe against being killed at any instant.
 */
uint32_t *segment_append(
	struct segment *segment, const struct record *record, enum slot_state state);

/* The segment behind `before`, of those up to `newest`; NULL: there is none. before: NULL for the
 * oldest. Whoever keeps several begins with the oldest, because records may need what was said
 * before them: what directory ids and numbers mean. */
struct segment *segment_following(struct segment *newest, const struct segment *before);

/* The end of the log, as an offset in it: found by its slots, since `tail` may lag behind. */
uint64_t segment_end(struct segment *segment);
/* The end of this slot of it, likewise. */
uint64_t segment_slot_end(struct segment *segment, const uint32_t *slot);

/* Up to which offset a manifest on disk holds the log. */
static inline uint64_t segment_acknowledged(const struct segment *segment)
{
	return __atomic_load_n(&segment->head.acknowledged, __ATOMIC_ACQUIRE) &
	       ~SESSION_MEMORY_LEFT;
}

/* Does the aggregator that holds the memory read no more? To be asked when a record is ready. */
static inline bool segment_is_left(const struct segment *segment)
{
	return segment->way == SEGMENT_HELD &&
	       __atomic_load_n(&segment->head.acknowledged, __ATOMIC_SEQ_CST) & SESSION_MEMORY_LEFT;
}

/* Gives the memory of a full log back to the kernel, if all of it is acknowledged, or, where no
 * aggregator holds the memory, spooled. From then on the log reads as zeros, and stays full. */
void segment_release(struct segment *segment);

/* From now on nothing more is appended to its log. */
void segment_close(struct segment *segment);

static inline uint32_t slot_total(uint32_t word)
{
	return (4u + SLOT_SIZE(word) + SLOT_ALIGN - 1) & ~(SLOT_ALIGN - 1);
}

#endif
