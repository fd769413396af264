/*
 * The memory that a process shares with us: bytes that are read at an offset.
 *
 * As a rule it is held by its descriptor. Where descriptors become few it is held by a mapping, so
 * that a session costs one descriptor, not two. Whatever the seals say, our own code never touches
 * such a mapping: the kernel copies from it (process_vm_readv), so a page that is missing is an
 * error and no SIGBUS. The only memory that we touch is what we have made and sealed ourselves
 * (pool.h).
 */
#ifndef FOOTPRINT_AGGREGATOR_SESSIONS_MEMORY_H
#define FOOTPRINT_AGGREGATOR_SESSIONS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct memory {
	int fd;	   /* -1: none, or mapped */
	void *map; /* NULL: none, or held by fd */
	size_t size;
	/* map is part of a pool of ours: its pages cannot go away, and it is not to be unmapped. */
	bool borrowed;
	/* map is from malloc: a copy of the peer's memory up to `copied_end`, without the bytes
	 * from `hole` to `hole_end`. What is missing reads as zeros. */
	bool copied;
	size_t hole, hole_end, copied_end;
};

#define NO_MEMORY ((struct memory){ .fd = -1 })

static inline bool memory_held(const struct memory *memory)
{
	return memory->fd >= 0 || memory->map;
}

/* Returns the bytes read, fewer than `size` at the end of the memory, or a negative errno. */
ssize_t memory_read(const struct memory *memory, void *buffer, size_t size, uint64_t offset);
/* 0 or a negative errno: the peer may have sealed the memory against writing. */
int memory_write(const struct memory *memory, const void *bytes, size_t size, uint64_t offset);
/* Replaces the descriptor by a mapping, if that is possible. */
void memory_map(struct memory *memory);
void memory_close(struct memory *memory);

/* Makes a copy of `size` bytes of a peer's memory, except those from `hole` to `hole_end`, which
 * nobody needs. False: no memory. */
bool memory_copy(
	struct memory *ret, const uint8_t *bytes, size_t size, size_t hole, size_t hole_end);

#endif
