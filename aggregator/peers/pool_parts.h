/*
 * What pool_lend.c, which lends pools, and pool.c, which looks after their cells, share.
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
	NOT_MET,  /* free, or its hello has not been seen yet */
	MET,	  /* a session lives in it */
	ENDING,	  /* its image has ended; what it sent may still wait in the peer's socket */
	LOCKED,	  /* no image gets in any more, since we are about to end */
	REFUSED,  /* holds no valid session: the whole pool is over */
	ENDED,	  /* the session has been read to its end */
	FINISHED, /* and applied */
	COVERED,  /* and is in the manifest that is being written */
};

struct pool {
	TAILQ_ENTRY(pool) link;
	struct aggregator *daemon;
	struct peer *peer;	/* who asked for it, until it is closed */
	struct pool_head *head; /* mapped; we have sealed it, so it can be touched */
	int memfd;		/* to read cells that have ended, without touching their pages */
	uint64_t device, inode; /* of the memfd */
	struct root *root;
	uint32_t uid; /* of the peer */
	bool closed;  /* nobody writes any more; it waits for sessions that are not finished */
	unsigned n_unfinished;
	struct session *sessions[POOL_CELLS];
	uint8_t phases[POOL_CELLS]; /* enum phase */
	uint8_t empty[POOL_CELLS];  /* how many looks have found nobody */
};

/* Removes and frees a pool that nobody holds any more. */
void pool_free(struct pool *pool);

#endif
