/*
 * Pools: memory lent to a process that starts programs, for the session memories of those
 * (proto/pool.h). Start there: it has the layout, and what the states of a cell mean.
 *
 * A pool belongs to the peer whose process asked for it. All who inherited that connection speak
 * through it, so when it ends nobody writes in the pool any more. Until then cells are looked at
 * with each tick: one that is new becomes a session as by a hello, one whose image has ended is
 * read to its end, and is free again when a manifest on disk has what it held.
 */
#ifndef FOOTPRINT_AGGREGATOR_PEERS_POOL_H
#define FOOTPRINT_AGGREGATOR_PEERS_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/base/error.h"
#include "lib/record/record.h"

/* At a time; each may have a descriptor of ours in flight. */
#define POOLS_MAX 256u

struct aggregator;
struct peer;
struct pool;
struct session;

TAILQ_HEAD(pool_list, pool);
struct pools {
	struct pool_list list;
	unsigned count;
};

void pools_init(struct aggregator *daemon);

/* The peer's process asks for one: it is made and offered, or not. Not having one is no fault, so
 * there is nothing to return. */
void pool_lend(struct peer *peer, const Footprint__PoolRequest *request);
/* Everybody who held the connection is gone: reads all cells to their end. NULL: none. */
void pool_close(struct pool *pool);

/* Looks for new images. */
void pool_look(struct pool *pool);
/* For new ones, and for such that have ended, in all pools. */
void pools_look(struct aggregator *daemon);
/* Is it the session of a cell in there? */
bool pool_has(const struct pool *pool, const struct session *session);
/* Nobody holds it any more but us. */
bool pool_is_closed(const struct pool *pool);
/* All that the session said has been applied. */
void pool_finished(struct session *session);

/* A snapshot begins: what has been finished will be in it. */
void pools_cover(struct aggregator *daemon);
/* It is on disk, or it is not. */
void pools_covered(struct aggregator *daemon, bool written);

#endif
