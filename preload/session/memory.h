/*
 * Segments: the memory that holds the records, shared by the forks of an image and by the
 * aggregator (proto/session_memory.h has the layout and the slot protocol).
 *
 * A page touched for the first time costs microseconds, so what every process needs (header, first
 * level of the seen table, hello, first records) fills the first page, and the larger tables stand
 * at the far end of the sparse mapping.
 */
#ifndef FOOTPRINT_PRELOAD_SESSION_MEMORY_H
#define FOOTPRINT_PRELOAD_SESSION_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/record/encode.h"
#include "proto/session_memory.h"

#define SEGMENT_FIRST_SIZE (1u << 20) /* small: a program may mlockall() what it finds mapped */
#define SEGMENT_NEXT_SIZE  (4u << 20)

/* The seen table's levels (seen.c), in entries of 8 bytes. */
#define SEEN_SMALL  128u
#define SEEN_MIDDLE 512u
#define SEEN_LARGE  8192u

#define RECENT_EXECS   64u
#define KNOWN_PROGRAMS 32u

/* An exec of this image whose slot stands (facts.c). */
struct recent_exec {
	uint64_t key;
	uint64_t slot; /* low bits of the key, when, and where in the log */
};

/* How the aggregator gets at a segment's log. */
enum segment_way {
	SEGMENT_UNANNOUNCED = 0,
	SEGMENT_HELD = 1,	     /* it holds the memfd */
	SEGMENT_BY_VALUE = 2,	     /* it has a hello without one: records are sent in batches */
	SEGMENT_BEING_ANNOUNCED = 3, /* a thread is about to say hello: others leave it alone */
};

struct segment {
	struct session_memory head;

	/* From here on the aggregator skips. Shared by the forks of the image. */
	struct segment *first;	  /* segment 0 of the image */
	struct segment *previous; /* NULL in segment 0. Valid in every process that maps this one */
	uint64_t spooled;	  /* log bytes up to here are in the spool */
	uint64_t sent;		  /* log bytes up to here went out in batches */
	uint64_t released;    /* where the log ended whose memory was given back; 0: it was not */
	uint32_t number;      /* Hello.segment */
	uint32_t segments;    /* segment 0: numbers given so far */
	uint32_t way;	      /* enum segment_way */
	uint32_t socket_path; /* segment 0: offset of FOOTPRINT_SOCKET's copy, terminated */
	uint32_t spool_path;  /* segment 0: offset of the spool folder's */
	uint32_t starts;      /* segment 0: programs that the image has started, or tried to */
	bool cell;	      /* it stands in a pool, and has no room for more tables */
	uint8_t session[SESSION_ID_SIZE];
	uint64_t seen[SEEN_SMALL] __attribute__((aligned(64)));
};

/* At the end of every segment. */
struct segment_tail {
	struct recent_exec recent_execs[RECENT_EXECS];
	uint64_t known_programs[KNOWN_PROGRAMS]; /* segment 0: see program.c */
};

/* Before it, in segment 0. */
struct first_tail {
	uint64_t seen_middle[SEEN_MIDDLE];
	uint64_t seen_large[SEEN_LARGE];
};

/*
 * A new segment of `size` bytes: zero but for its sizes and counters, without a hello and a log.
 * *ret_memfd: the memfd behind it, or -1 where there can be none; the caller closes it. NULL: no
 * memory.
 */
struct segment *segment_new(uint32_t size, int *ret_memfd);

/* The same in a cell of a pool, whatever stands there. */
void segment_begin_cell(struct segment *segment);

/* Undoes segment_new. */
void segment_discard(struct segment *segment);

/* The hello stands at `hello_offset`; the log begins after it. From now on a reader may look. */
void segment_open_log(struct segment *segment, uint32_t hello_offset, uint32_t hello_size);

struct segment_tail *segment_tail(struct segment *segment);
struct first_tail *segment_first_tail(struct segment *first);

static inline unsigned char *segment_log(struct segment *segment)
{
	return (unsigned char *)segment + segment->head.log_offset;
}

/*
 * Appends a record and leaves its slot in `state` (READY or EXEC). Returns the slot's word, or NULL
 * when the segment is full. Lock-free; safe against being killed at any instant.
 */
uint32_t *segment_append(
	struct segment *segment, const struct record *record, enum slot_state state);

/* End of the log: bytes claimed so far, walking past what `tail` lags behind. */
uint64_t segment_end(struct segment *segment);

/* Gives the memory of a full log back, once all of it is acknowledged, or spooled where no
 * aggregator has the memory. It reads as zero from then on, and stays full. */
void segment_release(struct segment *segment);

/* Nothing more goes into its log. */
void segment_close(struct segment *segment);

static inline uint32_t slot_total(uint32_t word)
{
	return (4u + SLOT_SIZE(word) + SLOT_ALIGN - 1) & ~(SLOT_ALIGN - 1);
}

#endif
