/* What the two sides of the pool share (pool.h): how it is found and mapped. */
#ifndef FOOTPRINT_PRELOAD_POOL_MAP_H
#define FOOTPRINT_PRELOAD_POOL_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/hello.h"
#include "preload/memory.h"
#include "proto/pool.h"

/* The memfd of the offer that waits in the queue of the socket `fd`, to be closed by the caller;
 * -1: there is none. *ret_ours: fd is a socket of ours. */
int pool_memfd(int fd, bool *ret_ours);

/* A part of the pool, NULL: it cannot be mapped. */
void *pool_map(int memfd, uint64_t offset, uint64_t size);
void pool_unmap(void *part, uint64_t size);

/* Of the settings that all users of a pool share. */
uint64_t pool_identity(const struct settings *settings);
uint64_t pool_identity_of_image(void);

static inline uint64_t pool_cell_offset(unsigned index)
{
	return (uint64_t)POOL_CELL_SIZE * (1 + index);
}

static inline struct segment *pool_cell(struct pool_head *pool, unsigned index)
{
	return (struct segment *)(void *)((char *)pool + pool_cell_offset(index));
}

#endif
