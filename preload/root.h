/* Which directory "/" is. */
#ifndef FOOTPRINT_PRELOAD_ROOT_H
#define FOOTPRINT_PRELOAD_ROOT_H

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "preload/rawcall.h"

/* False: it cannot be told. Linux 5.8 also tells as what it is mounted (STATX_MNT_ID in the mask).
 */
static inline bool root_look(struct statx *ret)
{
	return rawcall6(SYS_statx, AT_FDCWD, (long)"/", AT_NO_AUTOMOUNT, STATX_INO | STATX_MNT_ID,
		       (long)ret, 0) == 0;
}

#endif
