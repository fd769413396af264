/*
 * The atlas: what the directory ids of living sessions mean, kept for a successor.
 *
 * A record that was acknowledged or spooled is never sent again, but later records may be relative
 * to a directory that it named. So before a session is acknowledged, the directories that it has
 * named so far are written to a file in the spool directory, as spool entries whose logs hold
 * DIRECTORY records only. A successor reads that file once, and gives each session that comes back,
 * by its socket or by its spool file, what it knew.
 */
#ifndef FOOTPRINT_AGGREGATOR_SPOOL_ATLAS_H
#define FOOTPRINT_AGGREGATOR_SPOOL_ATLAS_H

#include <stddef.h>
#include <stdint.h>

#define ATLAS_NAME     "directories"
#define ATLAS_SIZE_MAX (64u << 20) /* bytes read from before us */

struct aggregator;
struct session;

struct atlas {
	int fd;	       /* -1: cannot be kept */
	uint64_t size; /* of the file */
	uint64_t base; /* of the file when it was last written anew */
	uint64_t since_ms;
	uint8_t *before; /* what an earlier aggregator has kept; NULL: nothing */
	size_t before_size;
	struct atlas_entry *entries; /* of `before`, by session, and in the order of the file */
	size_t n_entries, room;
};

/* Reads what is there, and continues it. If that fails the daemon starts nevertheless, but nothing
 * is acknowledged. */
void atlas_init(struct aggregator *daemon);
/* The same in another spool directory, for all sessions. */
void atlas_follow(struct aggregator *daemon);
/* For a session that is new to us: restores the directories that it has named. Makes no facts. 0 or
 * -ENOMEM. */
int atlas_recall(struct session *session);
/* Writes what the session has named since the last time. 0 or a negative errno: it is not kept. */
int atlas_keep(struct session *session);
/* The same for all sessions of which we or a successor may read something more. To be called before
 * spool files with their records are removed. 0 or a negative errno. */
int atlas_keep_all(struct aggregator *daemon);
/* After a while, forgets what an earlier aggregator has kept, and writes the file anew when it has
 * grown. */
void atlas_tick(struct aggregator *daemon);
void atlas_deinit(struct aggregator *daemon);

#endif
