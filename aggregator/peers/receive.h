/*
 * Receives one packet from a socket, with the descriptors that came with it: no more of these than
 * a packet may bring, whatever a peer sends.
 */
#ifndef FOOTPRINT_AGGREGATOR_PEERS_RECEIVE_H
#define FOOTPRINT_AGGREGATOR_PEERS_RECEIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define RECEIVED_FDS_MAX   3 /* an Entered's root, tables and space */
#define RECEIVED_FDS_USUAL 2 /* any other packet's: a hello's memory and root, a vigil's two */

#define RECEIVED_SURPLUS_MAX 253 /* SCM_MAX_FD: what has no room the kernel closes, at once */

/* The descriptors that came with a packet. Those that nobody takes are closed. */
struct received {
	int fds[RECEIVED_FDS_MAX]; /* -1: taken over */
	unsigned n;
	int surplus[RECEIVED_SURPLUS_MAX]; /* more than there may be */
	unsigned n_surplus;
	bool wrong; /* more than there may be, or something else */
};

/* Are there descriptors left of a kind that no packet may bring, or more than usual? */
bool received_is_strange(const struct received *received);

void received_deinit(struct received *received);
#define auto_received __attribute__((cleanup(received_deinit)))

/* packet: room for FP_PACKET_SIZE_MAX bytes; received: empty. Returns the size of the packet, 0 at
 * the end, or a negative errno; -EAGAIN: there is none now. */
ssize_t receive(int fd, uint8_t *packet, struct received *received);

#endif
