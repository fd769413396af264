/*
 * One packet from a socket, with the descriptors that came along: of these no more than a hello may
 * bring, whatever a peer sends.
 */
#ifndef FOOTPRINT_AGGREGATOR_RECEIVE_H
#define FOOTPRINT_AGGREGATOR_RECEIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct workers;

#define RECEIVED_FDS_MAX 2 /* of a hello: its memory and its root */

/* Descriptors that came with a packet; those not taken over are closed. */
struct received {
	int fds[RECEIVED_FDS_MAX]; /* -1: taken over */
	unsigned n;
	bool wrong;		 /* more than there may be, or something else */
	struct workers *workers; /* where they are closed */
};

void received_deinit(struct received *received);
#define auto_received __attribute__((cleanup(received_deinit)))

/* packet: room for FP_PACKET_SIZE_MAX bytes; received: empty, with `workers`. The size of the
 * packet, 0 at the end, or a negative errno; -EAGAIN: there is none now. */
ssize_t receive(int fd, uint8_t *packet, struct received *received);

#endif
