#include "aggregator/peers/vigil.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "aggregator/aggregator.h"
#include "aggregator/clock.h"
#include "aggregator/peers/descriptor.h"
#include "aggregator/peers/receive.h"

#define VIGILS_MAX     1024
#define VIGILS_OF_ROOT 256
#define GRACE_MS       (TICK_MS / 2)
#define TOLD_MAX       8 /* sessions of one supervisor whose manifests get the gap */
#define DETAIL	       "its supervisor was killed, and it lived on"

struct vigil {
	TAILQ_ENTRY(vigil) link;
	int listener;
	int lifeline;
	ino_t inode;	   /* the lifeline's, which all packets of a supervisor bring along */
	struct root *root; /* only to count the vigils of a container */
	uint64_t waiting_since_ms; /* since when a call waits for nobody; 0: none does */
	/* The latest of each application. */
	struct session *sessions[TOLD_MAX];
	unsigned n_sessions;
};

void vigils_init(struct aggregator *daemon)
{
	TAILQ_INIT(&daemon->vigils.list);
}

/* --- whose it is ------------------------------------------------------------------------------ */

/* Keeps run and session for as long as the program may live. */
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
	if (i == TOLD_MAX) {
		session->daemon->counters.vigils_unkept++;
		return;
	}
	hold(session);
	if (i < vigil->n_sessions)
		let_go(vigil->sessions[i]);
	else
		vigil->n_sessions++;
	vigil->sessions[i] = session;
}

/* --- beginning and end ------------------------------------------------------------------------ */

static struct vigil *find(const struct session *session, ino_t inode)
{
	struct vigil *vigil;

	TAILQ_FOREACH(vigil, &session->daemon->vigils.list, link)
		if (vigil->inode == inode && vigil->root == session->root)
			return vigil;
	return NULL;
}

static bool has_room(const struct aggregator *daemon, const struct root *root, int fd)
{
	rlim_t max = daemon->intake.descriptors_max;
	const struct vigil *vigil;
	unsigned of_root = 0;

	TAILQ_FOREACH(vigil, &daemon->vigils.list, link)
		of_root += vigil->root == root;
	return daemon->vigils.count < VIGILS_MAX && of_root < VIGILS_OF_ROOT &&
	       (max == RLIM_INFINITY || (rlim_t)fd < max / 2);
}

/* NULL: there is no room. */
static struct vigil *add(struct session *session, struct received *received, ino_t inode)
{
	struct aggregator *daemon = session->daemon;
	struct vigil *vigil;

	if (!has_room(daemon, session->root, received->fds[1])) {
		vigils_tick(daemon); /* most are over, if there are many short programs */
		if (!has_room(daemon, session->root, received->fds[1]))
			return NULL;
	}
	vigil = calloc(1, sizeof(*vigil));
	if (!vigil)
		return NULL;
	*vigil = (struct vigil){ .listener = received->fds[0],
		.lifeline = received->fds[1],
		.inode = inode,
		.root = session->root };
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
		vigil = find(session, lifeline.st_ino);
		if (!vigil)
			vigil = add(session, received, lifeline.st_ino);
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
	descriptors_close((const int[]){ vigil->listener, vigil->lifeline }, 2);
	free(vigil);
}

/* --- looking ---------------------------------------------------------------------------------- */

enum state {
	WATCHED, /* or nothing is known */
	WAITING, /* a process waits for an answer that will not come */
	OVER,	 /* no watched process lives */
};

static enum state look(const struct vigil *vigil)
{
	/* POLLOUT: the call was received by the supervisor, which was killed then. */
	struct pollfd polled[] = { { .fd = vigil->listener, .events = POLLIN | POLLOUT },
		{ .fd = vigil->lifeline, .events = POLLRDHUP } };

	if (poll(polled, 2, 0) <= 0)
		return WATCHED;
	if (polled[0].revents & POLLHUP)
		return OVER;
	return polled[1].revents && polled[0].revents & (POLLIN | POLLOUT) ? WAITING : WATCHED;
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

/* A call that waits now is not enough: when a container is killed, its processes end one after
 * another, in no certain order. */
static bool waits_for_long(struct vigil *vigil, uint64_t now)
{
	if (!vigil->waiting_since_ms)
		vigil->waiting_since_ms = now;
	return now - vigil->waiting_since_ms >= GRACE_MS;
}

/* ending: those that are still watched are given up. */
static void look_at_all(struct aggregator *daemon, bool ending)
{
	struct vigil *vigil = TAILQ_FIRST(&daemon->vigils.list);
	uint64_t now = uv_now(&daemon->loop);

	while (vigil) {
		struct vigil *next = TAILQ_NEXT(vigil, link);
		enum state state = look(vigil);
		bool lost = state == WAITING && waits_for_long(vigil, now);

		if (state != WAITING)
			vigil->waiting_since_ms = 0;
		if (lost)
			tell(daemon, vigil);
		if (lost || state == OVER || (ending && state == WATCHED))
			end(daemon, vigil);
		vigil = next;
	}
}

void vigils_tick(struct aggregator *daemon)
{
	look_at_all(daemon, false);
}

bool vigils_stop(struct aggregator *daemon)
{
	look_at_all(daemon, true);
	return !TAILQ_EMPTY(&daemon->vigils.list);
}

void vigils_deinit(struct aggregator *daemon)
{
	struct vigil *vigil;

	while ((vigil = TAILQ_FIRST(&daemon->vigils.list)))
		end(daemon, vigil);
}
