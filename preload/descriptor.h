/* Descriptors of our own. */
#ifndef FOOTPRINT_PRELOAD_DESCRIPTOR_H
#define FOOTPRINT_PRELOAD_DESCRIPTOR_H

#include "preload/rawcall.h"

/* Does nothing where there is none: what is negative. It is -1 afterwards. */
static inline void fd_close(int *fd)
{
	if (*fd >= 0)
		rawcall3(SYS_close, *fd, 0, 0);
	*fd = -1;
}
#define CLEANUP_FD __attribute__((cleanup(fd_close)))

#endif
