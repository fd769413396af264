/*
 * The socket: who connects is accepted as long as descriptors are free, and heard (peer.h).
 *
 * libuv knows no SOCK_SEQPACKET, so the descriptors are raw and polled.
 */
#ifndef FOOTPRINT_AGGREGATOR_PEERS_INTAKE_H
#define FOOTPRINT_AGGREGATOR_PEERS_INTAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <uv.h>

#include "aggregator/peers/peer.h"

/* Who says nothing for so long is dropped. */
#define HELLO_PATIENCE_MS 10000

struct aggregator;

struct intake {
	uv_poll_t poll;
	uv_prepare_t prepare;
	int listener;
	bool paused;	/* no descriptors: not accepting */
	bool busy;	/* something was read since the loop waited last */
	bool any_waits; /* of the peers, for facts to be applied */
	struct peer_list silent, talking;
	unsigned n_silent;
	rlim_t descriptors_max;
	uint8_t *packet;
};

/* listener: a listening SOCK_SEQPACKET socket, taken over. 0 or negative errno. */
int intake_init(struct aggregator *daemon, int listener);
/* Accepts and reads what is there now: at the end, before the last snapshot. True: there may be
 * more. */
bool intake_drain(struct aggregator *daemon);
/* Accepts nobody any more, until a tick. */
void intake_pause(struct aggregator *daemon);
/* Drops the silent, accepts again where descriptors are free. */
void intake_tick(struct aggregator *daemon);
/* Closes everything; the loop must run once more before it is closed. */
void intake_close(struct aggregator *daemon);
void intake_deinit(struct aggregator *daemon);

#endif
