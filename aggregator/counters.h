/* How much of what happened: one list (counters.def), one struct, one line when asked. */
#ifndef FOOTPRINT_AGGREGATOR_COUNTERS_H
#define FOOTPRINT_AGGREGATOR_COUNTERS_H

#include <stdint.h>

struct counters {
#define COUNTER(name, what) uint64_t name;
#include "aggregator/counters.def"
#undef COUNTER
};

/* On stderr, whether or not FOOTPRINT_LOG is set: somebody asked. */
void counters_print(const struct counters *counters);

#endif
