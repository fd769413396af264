/*
 * Tells the aggregator when nobody supervises our programs any more. With each image's session it
 * gets the listener, and the lifeline: a socket whose other end guardian and worker hold. If that
 * has hung up, and a watched thread waits for an answer, both were killed, and there is a gap
 * (aggregator/peers/vigil.h).
 */
#ifndef FOOTPRINT_SUPERVISE_VIGIL_H
#define FOOTPRINT_SUPERVISE_VIGIL_H

#include <stdint.h>

/* Makes the lifeline. To be called by the guardian, before there is a worker. If it cannot be made,
 * the aggregator is never told. */
void vigil_prepare(int listener);

/* Sends both for the image that has been entered. told_on: the inode of the connection on which
 * they were sent before; 0: none. To be called after each announcement that was recorded: without a
 * new fact, nothing else looks whether the aggregator is another one than before. */
void vigil_tend(uint64_t *told_on);

#endif
