/*
 * The end of the daemon: everything that is there is read, resolved, applied and written first.
 *
 * Processes that still live go on recording in their memories, and say hello to a successor. With
 * --one-run there is none, and each of them is a gap.
 */
#ifndef FOOTPRINT_AGGREGATOR_STOP_H
#define FOOTPRINT_AGGREGATOR_STOP_H

#include <stdbool.h>

struct aggregator;

void stop_begin(struct aggregator *daemon);
/* Goes on as far as possible. To be called again whenever something was done. */
void stop_step(struct aggregator *daemon);
/* Has it come to its end, with nothing left for a successor? */
bool stop_left_nothing(const struct aggregator *daemon);

#endif
