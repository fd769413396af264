#include "aggregator/vigil.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/clock.h"
#include "aggregator/receive.h"

#define VIGILS_MAX 1024
/* A container that is killed loses its processes one after another, in no certain order. */
#define GRACE_MS (2 * TICK_MS)
#define DETAIL	 "its supervisor was killed, and it lived on"

struct vigil {
	TAILQ_ENTRY(vigil) link;
	struct session *session;
	int program; /* pidfd */
	int lifeline;
	uint64_t alone_since_ms; /* nobody holds the lifeline; 0: somebody does */
};

void vigils_init(struct aggregator *daemon)
{
	TAILQ_INIT(&daemon->vigils.list);
}

/* --- beginning and end ------------------------------------------------------------------------ */

/* Asked in a way that no file system answers, which might let us wait. */
static bool is_pidfd(int fd)
{
	return syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0 || errno != EBADF;
}

static bool is_lifeline(int fd)
{
	int domain = 0, type = 0;
	socklen_t size = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

static bool is_vigil(const struct received *received)
{
	return !received->wrong && received->n == 2 && is_pidfd(received->fds[0]) &&
	       is_lifeline(received->fds[1]);
}

static bool has_room(const struct aggregator *daemon, int fd)
{
	rlim_t max = daemon->intake.descriptors_max;

	return daemon->vigils.count < VIGILS_MAX && (max == RLIM_INFINITY || (rlim_t)fd < max / 2);
}

static int add(struct session *session, struct received *received)
{
	struct aggregator *daemon = session->daemon;
	struct vigil *vigil = calloc(1, sizeof(*vigil));

	if (!vigil)
		return -ENOMEM;
	vigil->session = session;
	vigil->program = received->fds[0];
	vigil->lifeline = received->fds[1];
	received->fds[0] = received->fds[1] = -1;
	TAILQ_INSERT_TAIL(&daemon->vigils.list, vigil, link);
	daemon->vigils.count++;
	session->vigil = vigil;
	run_hold(session->application);
	return 0;
}

int vigil_begin(struct session *session, struct received *received, struct error *err)
{
	struct aggregator *daemon = session->daemon;

	if (!is_vigil(received))
		return error_set(err, -EBADMSG, "vigil: not a pidfd and a socket");
	vigil_end(session->vigil);
	if (!has_room(daemon, received->fds[1])) {
		daemon->counters.vigils_unkept++;
		return 0;
	}
	if (add(session, received) < 0)
		return error_set(err, -ENOMEM, "vigil: out of memory");
	return 0;
}

void vigil_end(struct vigil *vigil)
{
	struct session *session;

	if (!vigil)
		return;
	session = vigil->session;
	session->vigil = NULL;
	run_session_ended(session->application, session->ended_ns);
	TAILQ_REMOVE(&session->daemon->vigils.list, vigil, link);
	session->daemon->vigils.count--;
	close(vigil->program);
	close(vigil->lifeline);
	free(vigil);
}

/* --- looking ---------------------------------------------------------------------------------- */

enum { PROGRAM, LIFELINE };

/* What has ended of it. False: nothing is known. */
static bool look(const struct vigil *vigil, struct pollfd ret[static 2])
{
	ret[PROGRAM] = (struct pollfd){ .fd = vigil->program, .events = POLLIN };
	ret[LIFELINE] = (struct pollfd){ .fd = vigil->lifeline, .events = POLLRDHUP };
	return poll(ret, 2, 0) >= 0;
}

/* True: what it waited for has come. */
static bool is_over(struct vigil *vigil, uint64_t now, uint64_t grace_ms)
{
	struct session *session = vigil->session;
	struct pollfd ended[2];

	if (!look(vigil, ended))
		return false;
	if (ended[PROGRAM].revents)
		return true;
	if (!ended[LIFELINE].revents)
		return false;
	if (!vigil->alone_since_ms)
		vigil->alone_since_ms = now;
	if (now - vigil->alone_since_ms < grace_ms)
		return false;
	if (session_gap(session, "lost-records", NULL, DETAIL) < 0) {
		session->daemon->counters.no_memory++;
		return false;
	}
	session->ended_ns = clock_now_ns();
	return true;
}

static void look_at_all(struct aggregator *daemon, uint64_t grace_ms)
{
	struct vigil *vigil = TAILQ_FIRST(&daemon->vigils.list);
	uint64_t now = uv_now(&daemon->loop);

	while (vigil) {
		struct vigil *next = TAILQ_NEXT(vigil, link);

		if (is_over(vigil, now, grace_ms))
			vigil_end(vigil);
		vigil = next;
	}
	roots_pump(daemon);
}

void vigils_tick(struct aggregator *daemon)
{
	look_at_all(daemon, GRACE_MS);
}

void vigils_stop(struct aggregator *daemon)
{
	/* What has been alone for the time between two looks is not being killed just now. */
	look_at_all(daemon, TICK_MS / 2);
	while (!TAILQ_EMPTY(&daemon->vigils.list))
		vigil_end(TAILQ_FIRST(&daemon->vigils.list));
}
