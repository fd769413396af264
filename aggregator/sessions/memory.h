/*
 * The memory that a process shares with us, as bytes to be read at an offset.
 *
 * It is held by its descriptor; by a mapping instead where descriptors become few, for a session
 * would cost two of them otherwise. A mapping is never touched by our own instructions, whatever
 * its seals say: the kernel copies from it, and where a page cannot be had that is an error and no
 * SIGBUS. Only memory that we have made and sealed ourselves is touched (pool.h).
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
	bool borrowed; /* map is a part of a pool of ours: nobody can pull pages from under it, and
			* it is not ours to give back */
	/* map is from malloc: what the peer's held when it was read, up to `copied_end`, without
	 * what stood in the hole. Both read as zero. */
	bool copied;
	size_t hole, hole_end, copied_end;
};

#define NO_MEMORY ((struct memory){ .fd = -1 })

static inline bool memory_held(const struct memory *memory)
{
	return memory->fd >= 0 || memory->map;
}

/* Bytes read, fewer at the end; or negative errno. */
ssize_t memory_read(const struct memory *memory, void *buffer, size_t size, uint64_t offset);
/* 0 or negative errno: the peer may have sealed it. */
int memory_write(const struct memory *memory, const void *bytes, size_t size, uint64_t offset);
/* Frees the descriptor; where that cannot be done it stays. */
void memory_map(struct memory *memory);
void memory_close(struct memory *memory);

/* A copy of `size` bytes of a peer's memory, but for those from `hole` to `hole_end`, which nobody
 * asks for. False: no memory. */
bool memory_copy(
	struct memory *ret, const uint8_t *bytes, size_t size, size_t hole, size_t hole_end);

#endif
