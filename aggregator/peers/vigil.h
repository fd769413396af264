/*
 * Vigils: what tells us that nobody supervises any more what a supervisor watched.
 *
 * A supervised image's session is spoken for by its supervisor, so its end says nothing about the
 * program. With the session come the seccomp listener and the lifeline, a socket whose other end
 * all processes of the supervisor hold together. When that has hung up and a call waits for an
 * answer, they were killed and the program lives on: a gap. We never answer; while we hold the
 * listener such a call waits, for as long as we do not look, and then it gets ENOSYS.
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

/* A live session's supervisor: takes over the descriptors [listener, lifeline], or finds that it
 * has them. Where they are something else, or there is no room, that is counted, and all else of
 * the session goes on. */
void vigil_begin(struct session *session, struct received *received);

/* Ends those whose programs have ended, and those that became gaps. To be called every TICK_MS. */
void vigils_tick(struct aggregator *daemon);
/* Ends all but those that may become a gap within half a second. True: there are such. */
bool vigils_stop(struct aggregator *daemon);
void vigils_deinit(struct aggregator *daemon);

#endif
