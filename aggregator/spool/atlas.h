/*
 * The atlas: what the directory ids of living sessions mean, kept for the aggregator after us.
 *
 * A record that was acknowledged, or spooled, is never sent again - but later ones may be relative
 * to a directory that it named. So before a session is acknowledged, the directories it named so
 * far go to a file in the spool directory, as spool entries whose log holds DIRECTORY records only.
 * Our successor reads it once, and tells each session that comes back - by its socket or by its
 * spool file - what it knew.
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
	int fd;		 /* -1: cannot be kept */
	uint64_t size;	 /* of the file */
	uint64_t base;	 /* of the file when it was last begun anew */
	uint8_t *before; /* what an aggregator before us kept; NULL: nothing */
	size_t before_size;
};

/* Reads what is there, and goes on with it. Failure is no reason not to start: then nothing is
 * acknowledged. */
void atlas_init(struct aggregator *daemon);
/* A session that is new to us: tells it what it named before. No facts come of it. 0 or -ENOMEM. */
int atlas_recall(struct session *session);
/* Keeps what the session has named since the last time. 0, or negative errno: not kept. */
int atlas_keep(struct session *session);
/* The same of all sessions whose process may still live, before spool files with their records are
 * removed. 0, or negative errno. */
int atlas_keep_all(struct aggregator *daemon);
/* Forgets what was before us after a while, and begins the file anew when it has grown. */
void atlas_tick(struct aggregator *daemon);
void atlas_deinit(struct aggregator *daemon);

#endif
