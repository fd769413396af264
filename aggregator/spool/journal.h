/*
 * The journal: what a killed process could not put into the spool, put there for it.
 *
 * A process that ends as it likes appends what nobody has acknowledged to its spool file; one that
 * is killed cannot, and we may be killed next. So its log goes to `journal` in the spool directory
 * before its memory is let go, in the format of the spool. With the next snapshot the journal
 * becomes one of the spool's taken files, and goes once the sessions that were ending then have
 * ended, and are in manifests on disk. Others have their own: some end at any time.
 */
#ifndef FOOTPRINT_AGGREGATOR_SPOOL_JOURNAL_H
#define FOOTPRINT_AGGREGATOR_SPOOL_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#define JOURNAL_NAME "journal"

struct aggregator;
struct segment;
struct session;

struct journal {
	int fd;	       /* -1: nothing in it */
	bool reported; /* that it cannot be written */
};

void journal_init(struct aggregator *daemon);
/* The session's last socket is gone: keeps what it has not kept itself. */
void journal_keep(struct session *session);
/* The same of a segment whose session is over, and has been read. */
void journal_keep_segment(
	struct aggregator *daemon, const struct segment *segment, uint64_t ended_ns);
/* A snapshot begins: hands the journal over to the spool, unless the one before is there still. */
void journal_turn(struct aggregator *daemon);
void journal_deinit(struct aggregator *daemon);

#endif
