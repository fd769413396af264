/* What the files of peers share among themselves; peer.h is for everybody else. */
#ifndef FOOTPRINT_AGGREGATOR_PEERS_PEER_PARTS_H
#define FOOTPRINT_AGGREGATOR_PEERS_PEER_PARTS_H

#include "aggregator/peers/peer.h"
#include "aggregator/peers/receive.h"
#include "lib/base/error.h"
#include "lib/record/record.h"

/* The peer speaks for this session from now on. 0; -EBADMSG: it spoke for another one before. */
int peer_attach(struct peer *peer, struct session *session, struct error *err);
/* Handles a hello. Takes the descriptors that it needs from `received`. 0 or a negative errno: the
 * peer is to be refused. */
int peer_hear_hello(struct peer *peer, const Footprint__Hello *hello, struct received *received,
	struct error *err);

#endif
