#include "aggregator/counters.h"

#include <inttypes.h>

#include "aggregator/log.h"

void counters_print(const struct counters *counters)
{
#define COUNTER(name, what) log_answer("%s: %" PRIu64, what, counters->name);
#include "aggregator/counters.def"
#undef COUNTER
}
