/* What the two sides of the pool share (pool.h): how it is found and mapped. */
#ifndef FOOTPRINT_PRELOAD_SESSION_POOL_MAP_H
#define FOOTPRINT_PRELOAD_SESSION_POOL_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/session/hello.h"
#include "preload/session/memory.h"
#include "proto/pool.h"

/* The memfd of the offer that waits in the queue of the socket `fd`, to be closed by the caller,
 * and the offer. -1: none; ret->magic is 0 where fd is no socket of ours. */
int pool_memfd(int fd, struct pool_offer *ret);

/* A part of the pool, NULL: it cannot be mapped. flags: those of mmap besides MAP_SHARED. */
void *pool_map(int memfd, uint64_t offset, uint64_t size, int flags);

/* Of the settings that all users of a pool share. */
uint64_t pool_identity(const struct settings *settings);

static inline struct pool_ticket *pool_ticket(struct pool_head *pool, unsigned index)
{
	return (struct pool_ticket *)(void *)((char *)pool + pool_ticket_offset(index));
}

static inline struct segment *pool_cell(struct pool_head *pool, unsigned index)
{
	return (struct segment *)(void *)((char *)pool + pool_cell_offset(index));
}

#endif
