/*
 * What tells the aggregator that nobody supervises a program any more: with each image's session it
 * gets a pidfd of the program, and the lifeline, a socket whose other end guardian and worker hold
 * together. When that hangs up and the program lives on, both were killed, and there is a gap.
 */
#ifndef FOOTPRINT_SUPERVISE_VIGIL_H
#define FOOTPRINT_SUPERVISE_VIGIL_H

#include <stdbool.h>
#include <stdint.h>

struct vigil {
	bool open;
	int program;	  /* a pidfd, if it is open */
	uint64_t said_on; /* inode of the connection that it was sent on, 0: not sent */
};

/* Makes the lifeline. In the guardian, before there is a worker. Without it no vigil is sent. */
void vigil_prepare(void);

/* Of the image that has been entered, when a thread of it calls that is new to us, or is known no
 * more: is the vigil about a process that still lives? */
void vigil_meet(struct vigil *vigil, int pid);

/* Sends it, where the connection is another than before. */
void vigil_tend(struct vigil *vigil);

void vigil_close(struct vigil *vigil);

#endif
