/* What the two sides of the pool (pool.h) share: how to find it and map it. */
#ifndef FOOTPRINT_PRELOAD_SESSION_POOL_MAP_H
#define FOOTPRINT_PRELOAD_SESSION_POOL_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/session/hello.h"
#include "preload/session/memory.h"
#include "proto/pool.h"

/* Peeks at the offer in the queue of the socket `fd`. Returns the pool's memfd, which the caller
 * closes. -1: there is none. ret->magic is 0 then, unless there is an offer and only its memfd
 * could not be received (no descriptor was free). */
int pool_memfd(int fd, struct pool_offer *ret);

/* Maps a part of the pool. flags: mmap's, besides MAP_SHARED. NULL: it cannot be mapped. */
void *pool_map(int memfd, uint64_t offset, uint64_t size, int flags);

/* A hash of the settings, which are the same for all users of a pool. */
uint64_t pool_identity(const struct settings *settings);

static inline struct pool_ticket *pool_ticket(struct pool_head *pool, unsigned index)
{
	return (struct pool_ticket *)(void *)((char *)pool + pool_ticket_offset(index));
}

#endif
