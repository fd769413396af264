/*
 * What tells the aggregator that nobody supervises any more what we watched: with each image's
 * session it gets the listener, and the lifeline, a socket whose other end guardian and worker hold
 * together. When that has hung up and a watched thread waits for an answer, both were killed, and
 * there is a gap (aggregator/peers/vigil.h).
 */
#ifndef FOOTPRINT_SUPERVISE_VIGIL_H
#define FOOTPRINT_SUPERVISE_VIGIL_H

#include <stdint.h>

/* Makes the lifeline. In the guardian, before there is a worker. Without it nothing is ever told.
 */
void vigil_prepare(int listener);

/* Tells it for the image that has been entered. told_on: the inode of the connection on which it
 * was told before, 0: on none. To be called with each announcement that has been recorded: without
 * a new fact nobody else looks whether the aggregator is another than before. */
void vigil_tend(uint64_t *told_on);

#endif
