#include "aggregator/peers/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "lib/base/cleanup.h"

#define DRAINED_AT_ONCE	  1024 /* packets of a peer, or connections: a peer might go on for ever */
#define ACCEPTS_AT_ONCE	  256  /* connections, after which others have their turn */
#define DESCRIPTORS_SPARE 64
/* Nobody notices that, and it is enough for hundreds of short processes. */
#define GATHER_NS 4000000

/* --- accepting -------------------------------------------------------------------------------- */

/* The lowest free descriptor shows how many are taken. Each peer that has not said hello yet will
 * bring a memory, and some descriptors are kept free for roots, spool files and manifests. */
static bool descriptors_short(const struct intake *intake, int lowest)
{
	if (intake->descriptors_max == RLIM_INFINITY)
		return false;
	return lowest < 0 ||
	       (rlim_t)lowest + intake->n_silent + DESCRIPTORS_SPARE >= intake->descriptors_max;
}

static bool still_short(const struct intake *intake)
{
	autoclose int lowest = fcntl(intake->listener, F_DUPFD_CLOEXEC, 0);

	return descriptors_short(intake, lowest);
}

void intake_pause(struct aggregator *daemon)
{
	daemon->intake.paused = true;
	uv_poll_stop(&daemon->intake.poll);
}

/* There are no descriptors left: connections wait in the backlog, which their processes do not
 * notice. poll would report them again and again, so it is stopped until the tick. */
static void pause_accepting(struct aggregator *daemon)
{
	if (!daemon->counters.no_descriptors++)
		log_trouble("out of descriptors (%llu): processes that start now use the spool, "
			    "which costs them time; raise the limit (LimitNOFILE=, ulimit -n)",
			(unsigned long long)daemon->intake.descriptors_max);
	intake_pause(daemon);
}

/* 1: one more was accepted. */
static int accept_one(struct aggregator *daemon)
{
	int fd = accept4(daemon->intake.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int r;

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			pause_accepting(daemon);
		return errno == EINTR || errno == ECONNABORTED;
	}
	daemon->counters.connections++;
	if (descriptors_short(&daemon->intake, fd))
		pause_accepting(daemon);
	r = peer_new(daemon, fd);
	if (r < 0) {
		close(fd);
		daemon->counters.no_memory++;
		pause_accepting(daemon);
		return 0;
	}
	return !daemon->intake.paused;
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct aggregator *daemon = poll->data;

	(void)status, (void)events;
	for (int i = 0; i < ACCEPTS_AT_ONCE && accept_one(daemon) > 0; i++)
		;
}

/* --- life ------------------------------------------------------------------------------------- */

static void resume(struct peer_list *list)
{
	struct peer *peer = TAILQ_FIRST(list);

	while (peer) {
		struct peer *next = TAILQ_NEXT(peer, link);

		if (peer->waiting)
			peer_resume(peer);
		peer = next;
	}
}

static void resume_waiting(struct aggregator *daemon)
{
	struct intake *intake = &daemon->intake;

	if (!intake->any_waits || daemon->roots.n_queued >= FACTS_QUEUED_MAX / 2)
		return;
	intake->any_waits = false;
	resume(&intake->silent);
	resume(&intake->talking);
}

/*
 * Runs before the loop waits for events, and lets some more come together first. A process that
 * connects while nobody waits on the socket need not wake anybody, which is two thirds of the cost
 * of connecting, and we are woken once for many.
 */
static void on_pause(uv_prepare_t *prepare)
{
	static const struct timespec pause = { .tv_nsec = GATHER_NS };
	struct aggregator *daemon = prepare->data;

	if (daemon->intake.busy && !daemon->stopping)
		nanosleep(&pause, NULL);
	daemon->intake.busy = false;
	if (!daemon->stopping)
		resume_waiting(daemon);
}

static int start_pausing(struct aggregator *daemon)
{
	uv_prepare_t *prepare = &daemon->intake.prepare;
	int r = uv_prepare_init(&daemon->loop, prepare);

	prepare->data = daemon;
	return r < 0 ? r : uv_prepare_start(prepare, on_pause);
}

int intake_init(struct aggregator *daemon)
{
	struct intake *intake = &daemon->intake;
	int listener = daemon->listener.fd;
	struct rlimit limit;
	int r;

	TAILQ_INIT(&intake->silent);
	TAILQ_INIT(&intake->talking);
	intake->listener = listener;
	intake->descriptors_max =
		getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
	intake->packet = malloc(FP_PACKET_SIZE_MAX);
	if (!intake->packet)
		return -ENOMEM;
	r = uv_poll_init(&daemon->loop, &intake->poll, listener);
	if (r < 0)
		return r;
	intake->poll.data = daemon;
	r = start_pausing(daemon);
	return r < 0 ? r : uv_poll_start(&intake->poll, UV_READABLE, on_connection);
}

/* --- time ------------------------------------------------------------------------------------- */

/* Closes the connections of peers whose log turned out to be damaged. */
static void close_dropped(struct intake *intake)
{
	struct peer *peer = TAILQ_FIRST(&intake->talking);

	while (peer) {
		struct peer *next = TAILQ_NEXT(peer, link);

		if (peer->session->dropped)
			peer_close(peer);
		peer = next;
	}
}

/* Programs that start now find nobody: they have only their spool. Those that found the old socket
 * are accepted first; when there are no descriptors for them, with a later tick. */
static void follow_socket(struct aggregator *daemon)
{
	struct intake *intake = &daemon->intake;
	const char *path = daemon->listener.path;
	int r;

	if (daemon->stopping || intake->paused || !listener_is_gone(&daemon->listener))
		return;
	while (accept_one(daemon) > 0)
		; /* nobody comes any more */
	if (intake->paused)
		return;
	uv_poll_stop(&intake->poll);
	r = listener_renew(&daemon->listener);
	if (r < 0 && !intake->gone)
		log_trouble("%s: was removed or replaced, and cannot be made again: %s: "
			    "processes that start now use the spool",
			path, strerror(-r));
	else if (r == 0)
		log_trouble("%s: was removed or replaced; it is there again", path);
	if (r == 0)
		daemon->listening_ns = daemon->listener.since_ns;
	intake->gone = r < 0;
	intake->paused = true; /* intake_tick() goes on */
}

void intake_tick(struct aggregator *daemon)
{
	struct intake *intake = &daemon->intake;
	struct peer *peer;

	follow_socket(daemon);

	while ((peer = TAILQ_FIRST(&intake->silent)) &&
		uv_now(&daemon->loop) - peer->since_ms > HELLO_PATIENCE_MS) {
		daemon->counters.silent++;
		peer_close(peer);
	}
	close_dropped(intake);
	if (intake->paused && !still_short(intake) &&
		!uv_is_closing((uv_handle_t *)&intake->poll) &&
		uv_poll_start(&intake->poll, UV_READABLE, on_connection) == 0)
		intake->paused = false;
}

/* As much as the queues of facts take. */
static bool drain(struct peer_list *list)
{
	struct peer *peer = TAILQ_FIRST(list);
	bool more = false;

	while (peer) {
		struct peer *next = TAILQ_NEXT(peer, link);
		const struct roots *roots = &peer->daemon->roots;
		enum hearing heard = HEARD;

		for (int i = 0;
			i < DRAINED_AT_ONCE && heard == HEARD && roots->n_queued < FACTS_QUEUED_MAX;
			i++)
			heard = peer_read(peer);
		more |= heard == HEARD;
		peer = next;
	}
	return more;
}

static void hear(struct peer_list *list, const struct peer *but)
{
	struct peer *peer = TAILQ_FIRST(list);

	while (peer) {
		struct peer *next = TAILQ_NEXT(peer, link);

		if (peer != but)
			peer_hear(peer);
		peer = next;
	}
}

void intake_hear_others(struct aggregator *daemon, const struct peer *but)
{
	struct intake *intake = &daemon->intake;

	if (intake->hearing)
		return;
	intake->hearing = true;
	hear(&intake->silent, but);
	hear(&intake->talking, but);
	intake->hearing = false;
}

/* Who waits at a socket of the service manager's, where everybody can still connect, is our
 * successor's. */
static bool accepts(const struct aggregator *daemon)
{
	return !daemon->intake.refuses || daemon->listener.path;
}

bool intake_drain(struct aggregator *daemon)
{
	bool more = accepts(daemon);

	for (int i = 0; i < DRAINED_AT_ONCE && more; i++)
		more = accept_one(daemon) > 0;
	more |= drain(&daemon->intake.silent);
	more |= drain(&daemon->intake.talking);
	return more;
}

static bool refuse(const struct peer_list *list)
{
	struct peer *peer;
	bool any = false;

	TAILQ_FOREACH(peer, list, link)
		any |= peer_refuse_more(peer);
	return any;
}

bool intake_refuse(struct aggregator *daemon)
{
	struct intake *intake = &daemon->intake;
	bool any = !intake->refuses;

	if (any) {
		uv_poll_stop(&intake->poll);
		listener_refuse(&daemon->listener);
		intake->refuses = true;
	}
	any |= refuse(&intake->silent);
	any |= refuse(&intake->talking);
	return any;
}

void intake_close(struct aggregator *daemon)
{
	struct intake *intake = &daemon->intake;
	struct peer *peer;

	if (!uv_is_closing((uv_handle_t *)&intake->poll)) {
		uv_close((uv_handle_t *)&intake->poll, NULL);
		uv_close((uv_handle_t *)&intake->prepare, NULL);
	}
	while ((peer = TAILQ_FIRST(&intake->silent)) || (peer = TAILQ_FIRST(&intake->talking)))
		peer_close(peer);
}

void intake_deinit(struct aggregator *daemon)
{
	free(daemon->intake.packet);
}
