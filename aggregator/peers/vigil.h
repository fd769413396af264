/*
 * Vigils: notice that a supervisor was killed while the program that it watched lives on.
 *
 * The session of a supervised image is spoken for by the supervisor, so the end of its connection
 * does not tell. With the session come the seccomp listener, and the lifeline: a socket whose other
 * end all processes of the supervisor hold. If that has hung up and a call waits for an answer, the
 * supervisor was killed and the program lives on: a gap. We never answer. While we hold the
 * listener, such a call waits until we look, and then gets ENOSYS.
 */
#ifndef FOOTPRINT_AGGREGATOR_PEERS_VIGIL_H
#define FOOTPRINT_AGGREGATOR_PEERS_VIGIL_H

#include <stdbool.h>
#include <sys/queue.h>

struct aggregator;
struct received;
struct session;
struct vigil;

TAILQ_HEAD(vigil_list, vigil);
struct vigils {
	struct vigil_list list;
	unsigned count;
};

void vigils_init(struct aggregator *daemon);

/* A vigil packet of a live session: takes its descriptors [listener, lifeline], unless the session
 * has them already. If they are something else, or there is no room, that is counted, and the
 * session goes on. */
void vigil_begin(struct session *session, struct received *received);

/* Ends the vigils whose programs have ended, and those that became gaps. To be called every
 * TICK_MS. */
void vigils_tick(struct aggregator *daemon);
/* Ends all vigils, except those that may become a gap within half a second. True: there are
 * such. */
bool vigils_stop(struct aggregator *daemon);
void vigils_deinit(struct aggregator *daemon);

#endif
