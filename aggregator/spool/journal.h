/*
 * The journal: what a killed process could not put into the spool is put there for it.
 *
 * A process that ends normally appends what nobody has acknowledged to its spool file. One that is
 * killed cannot, and we may be killed next. So before its memory is closed, its log is written to
 * `journal` in the spool directory, in the format of the spool. With the next snapshot the journal
 * becomes one of the spool's taken files. It is removed when the sessions that were ending then
 * have ended, and are in manifests on disk. Later sessions have a new journal, since some session
 * may be ending at any time.
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
/* The session's last socket is gone: writes what the process has not kept itself. */
void journal_keep(struct session *session);
/* The same for a segment whose session is over and was read. */
void journal_keep_segment(
	struct aggregator *daemon, const struct segment *segment, uint64_t ended_ns);
/* A snapshot begins: gives the journal to the spool, unless the previous one is still there. */
void journal_turn(struct aggregator *daemon);
void journal_deinit(struct aggregator *daemon);

#endif
