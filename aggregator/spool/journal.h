/*
 * The journal: what a killed process could not put into the spool, put there for it.
 *
 * A process that ends as it likes appends what nobody has acknowledged to its spool file; one that
 * is killed cannot, and we may be killed next. So its log goes to `journal` in the spool directory
 * before its memory is let go, in the format of the spool. When what it holds is on its way into a
 * manifest, the journal becomes one of the spool's taken files, and goes as they go.
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
	int fd;		 /* -1: nothing in it */
	uint64_t serial; /* facts queued when it was last added to */
	bool reported;	 /* that it cannot be written */
};

void journal_init(struct aggregator *daemon);
/* The session's last socket is gone: keeps what it has not kept itself. */
void journal_keep(struct session *session);
/* The same of a segment whose session is over, and has been read. */
void journal_keep_segment(
	struct aggregator *daemon, const struct segment *segment, uint64_t ended_ns);
/* A snapshot begins: hands the journal over to the spool if all of it has been applied. */
void journal_turn(struct aggregator *daemon);
void journal_deinit(struct aggregator *daemon);

#endif
