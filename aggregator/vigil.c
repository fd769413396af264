#include "aggregator/vigil.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/clock.h"
#include "aggregator/descriptor.h"
#include "aggregator/receive.h"
#include "lib/base/cleanup.h"

#define VIGILS_MAX     1024
#define VIGILS_OF_USER 128
#define TOLD_MAX       8 /* of one supervisor's programs: whose gap it is */
#define DETAIL	       "its supervisor was killed, and it lived on"

struct vigil {
	TAILQ_ENTRY(vigil) link;
	int listener;
	int lifeline;
	ino_t inode; /* the lifeline's, which all packets of a supervisor bring along */
	uint32_t uid;
	bool waited; /* at the last look a call waited for nobody */
	/* The latest of each application. */
	struct session *sessions[TOLD_MAX];
	unsigned n_sessions;
};

void vigils_init(struct aggregator *daemon)
{
	TAILQ_INIT(&daemon->vigils.list);
}

/* --- whose it is ------------------------------------------------------------------------------ */

/* Run and session stay for as long as the program may live. */
static void hold(struct session *session)
{
	session->vigils++;
	run_hold(session->application);
}

static void let_go(struct session *session)
{
	session->vigils--;
	run_session_ended(session->application, session->ended_ns);
}

static void add_session(struct vigil *vigil, struct session *session)
{
	unsigned i = 0;

	while (i < vigil->n_sessions && vigil->sessions[i]->application != session->application)
		i++;
	if (i == TOLD_MAX)
		return;
	hold(session);
	if (i < vigil->n_sessions)
		let_go(vigil->sessions[i]);
	else
		vigil->n_sessions++;
	vigil->sessions[i] = session;
}

/* --- beginning and end ------------------------------------------------------------------------ */

static struct vigil *find(const struct aggregator *daemon, ino_t inode)
{
	struct vigil *vigil;

	TAILQ_FOREACH(vigil, &daemon->vigils.list, link)
	if (vigil->inode == inode)
		return vigil;
	return NULL;
}

static bool has_room(const struct aggregator *daemon, uint32_t uid, int fd)
{
	rlim_t max = daemon->intake.descriptors_max;
	const struct vigil *vigil;
	unsigned of_user = 0;

	TAILQ_FOREACH(vigil, &daemon->vigils.list, link)
	of_user += vigil->uid == uid;
	return daemon->vigils.count < VIGILS_MAX && of_user < VIGILS_OF_USER &&
	       (max == RLIM_INFINITY || (rlim_t)fd < max / 2);
}

/* NULL: there is no room. */
static struct vigil *add(
	struct aggregator *daemon, uint32_t uid, struct received *received, ino_t inode)
{
	struct vigil *vigil;

	if (!has_room(daemon, uid, received->fds[1]))
		return NULL;
	vigil = calloc(1, sizeof(*vigil));
	if (!vigil)
		return NULL;
	*vigil = (struct vigil){ .listener = received->fds[0],
		.lifeline = received->fds[1],
		.inode = inode,
		.uid = uid };
	received->fds[0] = received->fds[1] = -1;
	TAILQ_INSERT_TAIL(&daemon->vigils.list, vigil, link);
	daemon->vigils.count++;
	return vigil;
}

void vigil_begin(struct session *session, struct received *received)
{
	struct aggregator *daemon = session->daemon;
	struct vigil *vigil = NULL;
	struct stat lifeline;

	if (!received->wrong && received->n == 2 && descriptor_is_listener(received->fds[0]) &&
		descriptor_is_seqpacket(received->fds[1]) &&
		fstat(received->fds[1], &lifeline) == 0) {
		vigil = find(daemon, lifeline.st_ino);
		if (!vigil)
			vigil = add(daemon, session->uid, received, lifeline.st_ino);
	}
	if (vigil)
		add_session(vigil, session);
	else
		daemon->counters.vigils_unkept++;
}

static void end(struct aggregator *daemon, struct vigil *vigil)
{
	for (unsigned i = 0; i < vigil->n_sessions; i++)
		let_go(vigil->sessions[i]);
	TAILQ_REMOVE(&daemon->vigils.list, vigil, link);
	daemon->vigils.count--;
	close(vigil->listener);
	close(vigil->lifeline);
	free(vigil);
}

/* --- looking ---------------------------------------------------------------------------------- */

enum state {
	WATCHED, /* or nothing is known */
	WAITING, /* somebody, for an answer that will not come */
	OVER,	 /* no watched process lives */
};

static enum state look(const struct vigil *vigil)
{
	/* POLLOUT: the call has been received, by who was killed then. */
	struct pollfd polled[] = { { .fd = vigil->listener, .events = POLLIN | POLLOUT },
		{ .fd = vigil->lifeline, .events = POLLRDHUP } };

	if (poll(polled, 2, 0) <= 0)
		return WATCHED;
	if (polled[0].revents & (POLLHUP | POLLERR))
		return OVER;
	return polled[1].revents && polled[0].revents ? WAITING : WATCHED;
}

static void tell(struct aggregator *daemon, struct vigil *vigil)
{
	for (unsigned i = 0; i < vigil->n_sessions; i++) {
		struct session *session = vigil->sessions[i];

		if (session_gap(session, "lost-records", NULL, DETAIL) < 0)
			daemon->counters.no_memory++;
		session->ended_ns = clock_now_ns();
		root_pump(session->root);
	}
}

/* Waiting now is not enough: a container that is killed loses its processes one after another, in
 * no certain order. */
void vigils_tick(struct aggregator *daemon)
{
	struct vigil *vigil = TAILQ_FIRST(&daemon->vigils.list);

	while (vigil) {
		struct vigil *next = TAILQ_NEXT(vigil, link);
		enum state state = look(vigil);

		if (state == WAITING && vigil->waited)
			tell(daemon, vigil);
		if (state == OVER || (state == WAITING && vigil->waited))
			end(daemon, vigil);
		else
			vigil->waited = state == WAITING;
		vigil = next;
	}
}

void vigils_stop(struct aggregator *daemon)
{
	struct vigil *vigil;

	while ((vigil = TAILQ_FIRST(&daemon->vigils.list))) {
		if (look(vigil) == WAITING)
			tell(daemon, vigil);
		end(daemon, vigil);
	}
}

void vigils_deinit(struct aggregator *daemon)
{
	struct vigil *vigil;

	while ((vigil = TAILQ_FIRST(&daemon->vigils.list)))
		end(daemon, vigil);
}
