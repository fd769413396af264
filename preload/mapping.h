/* Mappings of our own. */
#ifndef FOOTPRINT_PRELOAD_MAPPING_H
#define FOOTPRINT_PRELOAD_MAPPING_H

#include <stddef.h>
#include <sys/mman.h>

#include "preload/rawcall.h"

#define PAGE 4096ul

/* Maps `size` bytes, readable and writable; flags, fd and offset are mmap's. NULL: that failed. */
static inline void *map_with(size_t size, int flags, int fd, long offset)
{
	long address = rawcall6(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, flags, fd, offset);

	return rawcall_failed(address) ? NULL : (void *)address;
}

/* Zeros. A fork gets a copy. NULL: that failed. */
static inline void *map_private(size_t size)
{
	return map_with(size, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Zeros. Forks share it. NULL: that failed. */
static inline void *map_shared(size_t size)
{
	return map_with(size, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static inline void unmap(void *room, size_t size)
{
	rawcall3(SYS_munmap, (long)room, (long)size, 0);
}

#endif
