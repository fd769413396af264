/* What the files of peers share among themselves; peer.h is for everybody else. */
#ifndef FOOTPRINT_AGGREGATOR_PEERS_PEER_PARTS_H
#define FOOTPRINT_AGGREGATOR_PEERS_PEER_PARTS_H

#include "aggregator/peers/peer.h"
#include "aggregator/peers/receive.h"
#include "lib/base/error.h"
#include "lib/record/record.h"

/* The session that the peer may speak for by this id: its own, or one in its pool. NULL: none. */
struct session *peer_session(struct peer *peer, const ProtobufCBinaryData *id);
/* The peer speaks for this session from now on. 0; -EBADMSG: it spoke for another one before. */
int peer_attach(struct peer *peer, struct session *session, struct error *err);
/* Takes over the descriptors that it needs of `received`. 0 or negative errno, then the peer is to
 * be refused. */
int peer_hear_hello(struct peer *peer, const Footprint__Hello *hello, struct received *received,
	struct error *err);

#endif
