/*
 * Pools: memory that is lent to a process that starts programs, for their session memories
 * (proto/pool.h). Read that first: it has the layout, and the states of a cell.
 *
 * A pool belongs to the peer whose process has asked for it. All processes that have inherited that
 * connection speak by it, so when it ends, nobody writes in the pool any more. Until then, each
 * tick looks at the cells: a new one becomes a session, as with a hello; one whose image has ended
 * is read to its end, and is free again when a manifest on disk holds its records.
 */
#ifndef FOOTPRINT_AGGREGATOR_PEERS_POOL_H
#define FOOTPRINT_AGGREGATOR_PEERS_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/base/error.h"
#include "lib/record/record.h"

/* Pools at a time. For each, a descriptor of ours may be in a socket's queue. */
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

/* The peer's process asks for a pool: makes one and offers it, if possible. A process can do
 * without, so this returns nothing. */
void pool_lend(struct peer *peer, const Footprint__PoolRequest *request);
/* All who held the connection are gone: reads all cells to their end. NULL is allowed. */
void pool_close(struct pool *pool);

/* Looks for new images in the pool. */
void pool_look(struct pool *pool);
/* Looks for new images, and for those that have ended, in all pools. */
void pools_look(struct aggregator *daemon);
/* Lets no further image into the pools; those that are in there have been met. False: there is
 * nobody left to wait for. */
bool pools_leave(struct aggregator *daemon);
/* Is it the session of a cell in there? */
bool pool_has(const struct pool *pool, const struct session *session);
/* Has everybody but us let go of it? */
bool pool_is_closed(const struct pool *pool);
/* When the image in the session's cell ended (fp_tick()); 0: it has not, or has no cell. */
uint32_t pool_ended_tick(const struct session *session);
/* All that this session said has been applied. */
void pool_finished(struct session *session);

/* A snapshot begins, which will hold what has been finished. */
void pools_cover(struct aggregator *daemon);
/* The snapshot is on disk, or it failed. */
void pools_covered(struct aggregator *daemon, bool written);

#endif
