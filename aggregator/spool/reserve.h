/*
 * The reserve: a file of slots, allocated in advance, where processes note that they lost records
 * that no file took (proto/session_memory.h, WIRE.md).
 *
 * Everybody may write there, so only one thing is believed of what a slot says: that records of
 * this application and program are lost. That is a gap, once for each slot. The slot is free again
 * when the manifest with the gap is on disk.
 */
#ifndef FOOTPRINT_AGGREGATOR_SPOOL_RESERVE_H
#define FOOTPRINT_AGGREGATOR_SPOOL_RESERVE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "proto/session_memory.h"

#define RESERVE_NAME "reserve"

struct aggregator;

enum reserve_state {
	RESERVE_UNTOLD,
	RESERVE_TOLD,	 /* it is a gap of a manifest in memory */
	RESERVE_COVERED, /* of the one being written */
};

struct reserve {
	int fd; /* -1: none can be had */
	struct timespec modified;
	enum reserve_state states[RESERVE_SLOTS];
	uint64_t unplaced; /* the number in the first slot when it became a gap */
};

/* Makes the file. If that fails the daemon starts nevertheless. */
void reserve_init(struct aggregator *daemon);
/* Looks whether a process has written there. */
void reserve_tick(struct aggregator *daemon);
/* A snapshot begins; it is on disk, or not. */
void reserve_cover(struct aggregator *daemon);
void reserve_covered(struct aggregator *daemon, bool written);
void reserve_deinit(struct aggregator *daemon);

#endif
