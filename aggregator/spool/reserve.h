/*
 * The reserve: a file of slots, allocated beforehand, where processes leave word of records that no
 * file took (proto/session_memory.h, WIRE.md).
 *
 * Everybody may write there, so what a slot says is believed in one thing only: that records of
 * that application and program are lost. It is a gap, told once a slot; the slot is free again when
 * the manifest that says so is on disk.
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
	uint64_t unplaced; /* what the first slot said when it was told */
};

/* Makes the file. Failure is no reason not to start. */
void reserve_init(struct aggregator *daemon);
/* Looks whether somebody has left word. */
void reserve_tick(struct aggregator *daemon);
/* A snapshot begins; it is on disk, or not. */
void reserve_cover(struct aggregator *daemon);
void reserve_covered(struct aggregator *daemon, bool written);
void reserve_deinit(struct aggregator *daemon);

#endif
