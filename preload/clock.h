/* The time of day. */
#ifndef FOOTPRINT_PRELOAD_CLOCK_H
#define FOOTPRINT_PRELOAD_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "preload/rawcall.h"

/* Nanoseconds since 1970; 0: not known. */
static inline uint64_t now_ns(void)
{
	struct timespec now = { 0, 0 };

	rawcall3(SYS_clock_gettime, CLOCK_REALTIME, (long)&now, 0);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

#endif
