/*
 * The end: everything that is there is read, resolved, applied and written before we go.
 *
 * Processes that still live go on recording into their memories, and say hello to our successor;
 * with --one-run there is none, and each of them becomes a gap.
 */
#ifndef FOOTPRINT_AGGREGATOR_STOP_H
#define FOOTPRINT_AGGREGATOR_STOP_H

#include <stdbool.h>

struct aggregator;

void stop_begin(struct aggregator *daemon);
/* Goes as far as it can; called again whenever something got done. */
void stop_step(struct aggregator *daemon);
/* It has come to its end, and a successor has nothing to go on with. */
bool stop_left_nothing(const struct aggregator *daemon);

#endif
