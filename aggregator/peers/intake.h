/*
 * The socket: accepts connections as long as descriptors are free (peer.h).
 *
 * libuv does not support SOCK_SEQPACKET, so the descriptors are polled.
 */
#ifndef FOOTPRINT_AGGREGATOR_PEERS_INTAKE_H
#define FOOTPRINT_AGGREGATOR_PEERS_INTAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <uv.h>

#include "aggregator/peers/peer.h"

/* A peer that says nothing for so long is dropped. */
#define HELLO_PATIENCE_MS 10000

struct aggregator;

struct intake {
	uv_poll_t poll;
	uv_prepare_t prepare;
	int listener;	  /* daemon->listener's */
	bool gone;	  /* it was reported that the socket cannot be made again */
	bool paused;	  /* accepts nobody, because there are no descriptors */
	bool busy;	  /* something was read since the loop last waited */
	bool policy_told; /* it was reported that somebody is not allowed */
	bool hearing;	  /* in intake_hear_others() */
	bool refuses;	  /* nobody can connect */
	bool any_waits;	  /* a peer waits for facts to be applied */
	struct peer_list silent, talking;
	unsigned n_silent;
	rlim_t descriptors_max;
	uint8_t *packet;
};

/* 0 or a negative errno. */
int intake_init(struct aggregator *daemon);
/* Accepts and reads what is there now. For the end, before the last snapshot. True: there may be
 * more. */
bool intake_drain(struct aggregator *daemon);
/* Reads what the others have said so far: this peer may have been told of what is in there. Closes
 * nobody, so it may be called while one of them is being read. */
void intake_hear_others(struct aggregator *daemon, const struct peer *but);
/* Lets nobody connect or send anything any more, so that whoever has something to say knows that we
 * are gone. What has been sent by then can still be read. False: that was done before. */
bool intake_refuse(struct aggregator *daemon);
/* Accepts nobody any more, until a tick. */
void intake_pause(struct aggregator *daemon);
/* Drops silent peers, accepts again if descriptors are free, and makes the socket again if somebody
 * has removed it. */
void intake_tick(struct aggregator *daemon);
/* Closes everything; the loop must run once more before it is closed. */
void intake_close(struct aggregator *daemon);
void intake_deinit(struct aggregator *daemon);

#endif
