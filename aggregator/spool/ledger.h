/*
 * The ledger: what was counted of each session in a manifest on disk, kept for a successor.
 *
 * Facts may arrive twice, since a manifest is a set. Counts may not: processes, records, images. So
 * what a snapshot is about to count is first written to a file in the spool directory: for each
 * session that has counted something, how many processes, whether its image, and which ranges of
 * its log. The sessions of an application are followed by a mark, which names the manifest file
 * that is about to be replaced. A successor that finds this very file on disk knows that it was
 * never replaced, and ignores what stands before the mark. So counts and manifest always belong
 * together. The mark also says which run is going on, and until when its processes lived, so that a
 * run whose application never comes back gets an end.
 *
 * The file is for the case that the aggregator is killed, not for a loss of power: it is not
 * synced, since no process survives that.
 */
#ifndef FOOTPRINT_AGGREGATOR_SPOOL_LEDGER_H
#define FOOTPRINT_AGGREGATOR_SPOOL_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/table.h"

#define LEDGER_NAME	"counted"
#define LEDGER_SIZE_MAX (64u << 20) /* bytes read from before us */

struct aggregator;
struct application;
struct known_range;
struct segment;
struct session;

/* Rows to be written: grows as needed. */
struct ledger_rows {
	uint8_t *bytes;
	size_t size, room;
};

struct ledger {
	int fd;	       /* -1: cannot be kept */
	int renewed;   /* the file that replaces it when the snapshot is on disk; -1: none */
	uint64_t size; /* of the file */
	uint64_t base; /* of the file when it was last begun anew */
	/* The file system was read-only when we started: nobody has kept anything. */
	bool read_only;
	bool inherited;	  /* there was a ledger: processes may live that have not come back yet */
	bool reported;	  /* that it cannot be written */
	bool failed;	  /* rows for this snapshot could not be made */
	bool incomplete;  /* the file lacks something that is in a manifest: all is written again */
	bool keep_absent; /* the sessions in `known` that have not come back may still do so */
	struct ledger_rows rows, renewed_rows;
	/* What was counted before us. */
	struct table known; /* sessions, by id */
	struct known_range *ranges;
	uint32_t n_ranges, ranges_room;
};

/* Reads what is there, and opens the runs that were going on. If that fails the daemon starts
 * nevertheless, but counts may be too high after it was killed. */
void ledger_init(struct aggregator *daemon);
/* The same in another spool directory. What was counted is on disk there with the next snapshot. */
void ledger_follow(struct aggregator *daemon);
/* For a session that is new to us: restores what was counted of it before. */
void ledger_recall(struct session *session);
/* The same for one of its segments. 0 or -ENOMEM. */
int ledger_recall_segment(const struct session *session, uint32_t number, struct segment *segment);

/* A snapshot begins: ledger_begin(), ledger_add() for each application of which a manifest will be
 * written, ledger_end(). All in one turn of the loop, behind run_store(). ledger_add(): 0, or
 * -ENOMEM: the manifest must not be written, since it would be counted again. */
void ledger_begin(struct aggregator *daemon);
int ledger_add(struct aggregator *daemon, struct application *application);
void ledger_end(struct aggregator *daemon);
/* The manifests of the snapshot are on disk, or some are not. */
void ledger_settle(struct aggregator *daemon, bool written);
void ledger_tick(struct aggregator *daemon);
/* Was there a ledger before us, so recently that its processes may still come back? */
bool ledger_awaits_sessions(const struct aggregator *daemon);
void ledger_deinit(struct aggregator *daemon);

#endif
