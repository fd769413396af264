/*
 * Vigils: what tells us that nobody supervises a program any more.
 *
 * A supervised image's session is spoken for by its supervisor, so its end says nothing about the
 * program. With the session come a pidfd of the program and the lifeline, a socket whose other end
 * all processes of the supervisor hold together. When that has hung up and the program lives on,
 * they were killed, and what it did since was seen by nobody: a gap.
 */
#ifndef FOOTPRINT_AGGREGATOR_VIGIL_H
#define FOOTPRINT_AGGREGATOR_VIGIL_H

#include <sys/queue.h>

struct aggregator;
struct error;
struct received;
struct session;
struct vigil;

TAILQ_HEAD(vigil_list, vigil);
struct vigils {
	struct vigil_list list;
	unsigned count;
};

void vigils_init(struct aggregator *daemon);

/* For a live session, instead of the vigil that it had. Takes over the descriptors: [pidfd,
 * lifeline]. 0; -EBADMSG: they are something else; -ENOMEM. Where descriptors are few it is not
 * kept, and counted. */
int vigil_begin(struct session *session, struct received *received, struct error *err);
/* NULL: nothing to do. */
void vigil_end(struct vigil *vigil);

/* Ends those whose program has ended, and those that became gaps. */
void vigils_tick(struct aggregator *daemon);
/* Ends all: no run waits for them. */
void vigils_stop(struct aggregator *daemon);

#endif
