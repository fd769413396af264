/* Descriptors of our own. */
#ifndef FOOTPRINT_PRELOAD_DESCRIPTOR_H
#define FOOTPRINT_PRELOAD_DESCRIPTOR_H

#include "preload/rawcall.h"

/* Closes *fd, unless it is negative, and sets it to -1. */
static inline void fd_close(int *fd)
{
	if (*fd >= 0)
		rawcall3(SYS_close, *fd, 0, 0);
	*fd = -1;
}
#define CLEANUP_FD __attribute__((cleanup(fd_close)))

#endif
