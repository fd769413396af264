/*
 * Deferred records: those that are relative to a directory that nobody has named yet. Threads
 * record at the same time, so the record that names the directory may come later. What still waits
 * at the end of the session becomes a gap.
 */
#ifndef FOOTPRINT_AGGREGATOR_SESSIONS_DEFERRED_H
#define FOOTPRINT_AGGREGATOR_SESSIONS_DEFERRED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/base/table.h"

struct deferred;
struct session;

/* Records of one session that may wait for a directory to be named. Any further one is a gap. */
#define DEFERRED_MAX 4096u
/* Bytes of them, in all sessions; of one session, as many as are left for others. */
#define DEFERRED_SIZE_MAX (256u << 20)

/* Those of one session. */
struct deferred_records {
	TAILQ_HEAD(, deferred) list; /* the oldest first */
	unsigned n;
	uint64_t size;		 /* bytes */
	struct table awaited;	 /* the directories, and what waits for each */
	struct deferred *called; /* records whose directory was named */
};

void deferred_init(struct session *session);
/* Keeps the record of this slot until its directory is named. 0 or -ENOMEM. */
int deferred_add(struct session *session, const uint8_t *payload, size_t size);
/* This directory has been named: the records that wait for it can be taken up. */
void deferred_call(struct session *session, uint64_t id);
/* Makes facts of the records whose directory was named. 0 or -ENOMEM. */
int deferred_take_up(struct session *session);
/* The session is over: makes gaps of the records that still wait. 0 or -ENOMEM. */
int deferred_settle(struct session *session);
/* Since when (uv_now) the oldest of them has waited. UINT64_MAX: there is none. */
uint64_t deferred_since(const struct session *session);
/* Frees them all. */
void deferred_forget(struct session *session);

#endif
