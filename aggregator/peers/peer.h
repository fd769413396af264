/*
 * Peers: one connection each. A peer has a session once it has said hello (peer_hello.c); what it
 * says after that is for the session. Nothing that it sends can do worse than end its session.
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
	bool waiting; /* what it has said before is to be worked off first */
};

TAILQ_HEAD(peer_list, peer);

enum hearing { HEARD, NOTHING_TO_HEAR, PEER_GONE };

/* fd: a connection, taken over on success. What it says already is heard at once, and the rest by
 * the loop. 0 or negative errno. */
int peer_new(struct aggregator *daemon, int fd);
/* One packet, if there is one. PEER_GONE: the peer is freed. */
enum hearing peer_read(struct peer *peer);
/* Listens again to a peer that waits. */
void peer_resume(struct peer *peer);
/* Hangs up, and frees it, now or with the next turn of the loop. */
void peer_close(struct peer *peer);

#endif
