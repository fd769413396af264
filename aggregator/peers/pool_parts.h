/*
 * A pool as those see it who lend it (pool_lend.c) and who look after its cells (pool.c).
 */
#ifndef FOOTPRINT_AGGREGATOR_PEERS_POOL_PARTS_H
#define FOOTPRINT_AGGREGATOR_PEERS_POOL_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "proto/pool.h"

struct aggregator;
struct peer;
struct root;
struct session;

/* What we know of a cell. */
enum phase {
	NOT_MET, /* free, or its hello has not been seen yet */
	MET,	 /* a session lives in it */
	ENDING, /* its image has ended; what that sent before may wait in the peer's socket still */
	REFUSED,  /* what stands in it is none: it is over with this pool */
	ENDED,	  /* the session has been read to its end */
	FINISHED, /* and applied */
	COVERED,  /* and is in the manifest that is being written */
};

struct pool {
	TAILQ_ENTRY(pool) link;
	struct aggregator *daemon;
	struct peer *peer;	/* who asked for it, until it is closed */
	struct pool_head *head; /* mapped; we have sealed it, so it can be touched */
	int memfd;		/* to read cells that have ended without touching their pages */
	uint64_t device, inode; /* of the memfd */
	struct root *root;
	uint32_t uid; /* of the peer */
	bool closed;  /* nobody writes any more; waits for sessions that are not finished */
	unsigned n_unfinished;
	struct session *sessions[POOL_CELLS];
	uint8_t phases[POOL_CELLS]; /* enum phase */
	uint8_t empty[POOL_CELLS];  /* looks that found nobody */
};

/* Out of the list; nobody holds it any more. */
void pool_free(struct pool *pool);

#endif
