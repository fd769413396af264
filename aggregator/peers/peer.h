/*
 * Peers: one for each connection. A peer has a session after its hello (peer_hello.c), and all that
 * it says then is for that session. Whatever a peer sends, it can only end its own session by it.
 */
#ifndef FOOTPRINT_AGGREGATOR_PEERS_PEER_H
#define FOOTPRINT_AGGREGATOR_PEERS_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

struct aggregator;
struct session;

struct peer {
	TAILQ_ENTRY(peer) link;
	uv_poll_t poll;
	struct aggregator *daemon;
	struct session *session; /* NULL: no hello yet */
	struct pool *pool;	 /* lent to its process; NULL: none */
	int fd;
	uint32_t uid;
	uint64_t since_ms;
	bool polled;  /* poll is in use */
	bool waiting; /* what it has said before has to be applied first */
	bool refused; /* it can say nothing more, and what it has said is read */
};

TAILQ_HEAD(peer_list, peer);

enum hearing { HEARD, NOTHING_TO_HEAR, PEER_GONE };

/* fd: a connection, which belongs to the peer on success. Reads at once what is there; the loop
 * reads the rest. 0 or a negative errno. */
int peer_new(struct aggregator *daemon, int fd);
/* Reads one packet, if there is one. PEER_GONE: the peer was freed. */
enum hearing peer_read(struct peer *peer);
/* Reads the packets that are there, up to some, and closes nothing: a session that cannot go on is
 * dropped, and its connection closed with the next tick. */
void peer_hear(struct peer *peer);
/* Reads again from a peer that waits. */
void peer_resume(struct peer *peer);
/* Lets it send nothing more, as if we were gone already. False: that was done before. */
bool peer_refuse_more(struct peer *peer);
/* Closes the connection, and frees the peer, now or in the next turn of the loop. */
void peer_close(struct peer *peer);

#endif
