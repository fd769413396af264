/* Permissions, checked as the kernel does: with the effective ids. */
#ifndef FOOTPRINT_SUPERVISE_PERMISSION_H
#define FOOTPRINT_SUPERVISE_PERMISSION_H

#include <errno.h>
#include <fcntl.h>

#include "preload/rawcall.h"

/* mode: R_OK ...; 0 or a negative errno. Before Linux 5.8 only the real ids can be asked for, which
 * in most processes are the same. */
static inline long permission_look(int fd, const char *path, int mode)
{
	long error = rawcall4(SYS_faccessat2, fd, (long)path, mode, AT_EACCESS);

	return error == -ENOSYS ? rawcall3(SYS_faccessat, fd, (long)path, mode) : error;
}

#endif
