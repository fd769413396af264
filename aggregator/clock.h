/* The time of day, as manifests and spool entries give it. */
#ifndef FOOTPRINT_AGGREGATOR_CLOCK_H
#define FOOTPRINT_AGGREGATOR_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_REALTIME, nanoseconds since the epoch. */
static inline uint64_t clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
