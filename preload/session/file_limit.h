/* RLIMIT_FSIZE: a write or ftruncate past it raises SIGXFSZ, which would kill the application. */
#ifndef FOOTPRINT_PRELOAD_SESSION_FILE_LIMIT_H
#define FOOTPRINT_PRELOAD_SESSION_FILE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "preload/rawcall.h"

/* May a file of ours be `size` bytes long, or be written up to there? */
static inline bool file_may_reach(uint64_t size)
{
	struct rlimit limit;

	return rawcall4(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, (long)&limit) == 0 &&
	       limit.rlim_cur >= size;
}

#endif
