/*
 * The socket: connections, packets, descriptors.
 *
 * libuv knows no SOCK_SEQPACKET, so the descriptors are raw and polled. A peer is a connection; it
 * has a session once it has said hello. Nothing that a peer sends can do worse than end its
 * session.
 */
#ifndef FOOTPRINT_AGGREGATOR_INTAKE_H
#define FOOTPRINT_AGGREGATOR_INTAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <uv.h>

/* Who says nothing for so long is dropped. */
#define HELLO_PATIENCE_MS 10000

struct aggregator;
struct session;

struct peer {
	TAILQ_ENTRY(peer) link;
	uv_poll_t poll;
	struct aggregator *daemon;
	struct session *session; /* NULL: no hello yet */
	int fd;
	uint32_t uid;
	uint64_t since_ms;
	bool polled; /* poll is in use */
};

TAILQ_HEAD(peer_list, peer);
struct intake {
	uv_poll_t poll;
	uv_prepare_t prepare;
	int listener;
	bool paused; /* no descriptors: not accepting */
	bool busy;   /* something was read since the loop waited last */
	struct peer_list silent, talking;
	unsigned n_silent;
	rlim_t descriptors_max;
	uint8_t *packet;
};

/* listener: a listening SOCK_SEQPACKET socket, taken over. 0 or negative errno. */
int intake_init(struct aggregator *daemon, int listener);
/* Accepts and reads all that is there now: at the end, before the last snapshot. */
void intake_drain(struct aggregator *daemon);
/* Accepts nobody any more, until a tick. */
void intake_pause(struct aggregator *daemon);
/* Drops the silent, accepts again where descriptors are free. */
void intake_tick(struct aggregator *daemon);
/* Closes everything; the loop must run once more before it is closed. */
void intake_close(struct aggregator *daemon);
void intake_deinit(struct aggregator *daemon);

#endif
