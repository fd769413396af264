#include "aggregator/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/clock.h"
#include "aggregator/ingest.h"
#include "aggregator/log.h"
#include "lib/base/cleanup.h"

#define ACCEPTS_AT_ONCE	  256 /* then others have their turn */
#define PACKETS_AT_ONCE	  64
#define DESCRIPTORS_SPARE 64
#define GATHER_NS	  4000000 /* nobody notices; hundreds of short processes fit in */
#define DESCRIPTORS_MAX	  2	  /* of a hello: its memory and its root */

/* --- packets ---------------------------------------------------------------------------------- */

/* Descriptors that came with a packet; those not taken over are closed. */
struct received {
	int fds[DESCRIPTORS_MAX];
	unsigned n;
	bool wrong; /* more than there may be, or something else */
};

static void received_deinit(struct received *received)
{
	for (unsigned i = 0; i < received->n; i++)
		cleanup_close(&received->fds[i]);
}
#define auto_received __attribute__((cleanup(received_deinit)))

static void take_descriptors(struct received *received, const struct cmsghdr *header)
{
	size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
		if (received->n < DESCRIPTORS_MAX) {
			received->fds[received->n++] = fd;
		} else {
			close(fd);
			received->wrong = true;
		}
	}
}

/* The size of the packet, 0 at the end, or a negative errno. */
static ssize_t receive(int fd, uint8_t *packet, struct received *received)
{
	/* Room for one more than there may be, so that more of them are noticed. */
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE((DESCRIPTORS_MAX + 1) * sizeof(int))];
	} control;
	struct iovec part = { .iov_base = packet, .iov_len = FP_PACKET_SIZE_MAX };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take_descriptors(received, c);
		else
			received->wrong = true;
	}
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		received->wrong = true;
	return n;
}

/* --- hello ------------------------------------------------------------------------------------ */

/* The root is a directory that can be looked into, and not opened: O_PATH. */
static int check_root(int fd, struct error *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || !(flags & O_PATH))
		return error_set(err, -EBADMSG, "root: not an O_PATH descriptor");
	return 0;
}

static bool is_path_descriptor(int fd)
{
	return check_root(fd, NULL) == 0;
}

/* What came with a hello: [memory, root], [root] or nothing. */
struct belongings {
	struct segment *segment;
	struct root *root;
};

static void belongings_deinit(struct belongings *belongings)
{
	segment_free(belongings->segment);
	root_unref(belongings->root);
}
#define auto_belongings __attribute__((cleanup(belongings_deinit)))

static int take_root(struct aggregator *daemon, const Footprint__Hello *hello, int fd,
	struct belongings *ret, struct error *err)
{
	int r = check_root(fd, err);

	if (r < 0)
		return r;
	r = roots_get(daemon, fd, &ret->root);
	if (r < 0)
		return error_set(err, r, "root: %s", strerror(-r));
	if (ret->root->device != hello->root_device || ret->root->inode != hello->root_inode)
		return error_set(err, -EBADMSG, "root: not the one that the hello names");
	return 0;
}

/* Half of the descriptors are for sockets: the memory of those who come later is mapped. */
static bool descriptors_few(const struct aggregator *daemon, int fd)
{
	rlim_t max = daemon->intake.descriptors_max;

	return max != RLIM_INFINITY && (rlim_t)fd >= max / 2;
}

static int take_memory(struct aggregator *daemon, struct received *received, struct belongings *ret,
	struct error *err)
{
	int fd = received->fds[0];
	int r = segment_open(fd, &ret->segment, err);

	if (r < 0)
		return r;
	received->fds[0] = -1; /* the segment's now */
	if (descriptors_few(daemon, fd))
		memory_map(&ret->segment->memory);
	return 0;
}

static int take_belongings(struct aggregator *daemon, const Footprint__Hello *hello,
	struct received *received, struct belongings *ret, struct error *err)
{
	int r = 0;

	if (received->wrong)
		return error_set(err, -EBADMSG, "hello: more than two descriptors");
	if (received->n == 2 || (received->n == 1 && !is_path_descriptor(received->fds[0])))
		r = take_memory(daemon, received, ret, err);
	if (r == 0 && received->n && received->fds[received->n - 1] >= 0)
		r = take_root(daemon, hello, received->fds[received->n - 1], ret, err);
	return r;
}

/* A peer of another protocol: what it would have said is missing from its application's manifest.
 */
static int refuse_protocol(struct peer *peer, const Footprint__Hello *hello)
{
	struct application *application;
	autofree char *detail = NULL, *path = NULL;
	int r;

	r = applications_get(peer->daemon, *hello->application ? hello->application : "unnamed",
		hello->application_version, &application);
	if (r < 0)
		return r;
	run_join(application, hello->host, hello->started_ns);
	if (asprintf(&detail, "protocol %u", hello->protocol) < 0)
		detail = NULL;
	path = strndup((const char *)hello->executable.data, hello->executable.len);
	if (peer->daemon->roots.frozen || !detail || !path)
		log_trouble("%s: refused: speaks another protocol", application->name);
	else
		r = run_gap(application, "unknown-protocol", path, detail, 1);
	run_session_ended(application, clock_now_ns());
	application_unref(application);
	return r < 0 ? r : -EPROTONOSUPPORT;
}

static int attach(struct peer *peer, struct session *session, struct error *err)
{
	if (peer->session == session)
		return 0;
	if (peer->session)
		return error_set(err, -EBADMSG, "hello: of another session than before");
	peer->session = session;
	session_attach(session);
	TAILQ_REMOVE(&peer->daemon->intake.silent, peer, link);
	peer->daemon->intake.n_silent--;
	TAILQ_INSERT_TAIL(&peer->daemon->intake.talking, peer, link);
	return 0;
}

static int hear_hello(struct peer *peer, const Footprint__Hello *hello, struct received *received,
	struct error *err)
{
	auto_belongings struct belongings belongings = { 0 };
	struct aggregator *daemon = peer->daemon;
	struct hello_source source = { .uid = peer->uid };
	struct session *session;
	int r;

	if (hello->protocol != FP_PROTOCOL) {
		refuse_protocol(peer, hello);
		return error_set(err, -EPROTONOSUPPORT, "hello: protocol %u", hello->protocol);
	}
	r = take_belongings(daemon, hello, received, &belongings, err);
	if (r < 0)
		return r;
	source.root = belongings.root;
	r = session_get(daemon, hello, &source, &session);
	if (r < 0)
		return error_set(err, r, "hello: refused: %s", strerror(-r));
	r = attach(peer, session, err);
	if (r == 0 && belongings.segment) {
		r = session_add_memory(session, hello->segment, belongings.segment, err);
		if (r == 0)
			belongings.segment = NULL;
	}
	/* Its memory is read when it ends, as most do at once, or with the next tick. */
	return r;
}

/* --- the rest --------------------------------------------------------------------------------- */

static bool speaks_for(const struct peer *peer, const ProtobufCBinaryData *id)
{
	return peer->session && !memcmp(peer->session->id, id->data, SESSION_ID_SIZE);
}

static int hear_batch(struct peer *peer, const Footprint__Batch *batch, struct error *err)
{
	int r;

	if (!speaks_for(peer, &batch->session))
		return error_set(err, -EBADMSG, "batch: of another session");
	r = session_add_log(
		peer->session, batch->segment, batch->offset, batch->log.data, batch->log.len, err);
	if (r == 0)
		session_read(peer->session, false);
	return r;
}

static int hear_notice(struct peer *peer, const Footprint__Notice *notice, struct error *err)
{
	if (!speaks_for(peer, &notice->session))
		return error_set(err, -EBADMSG, "notice: of another session");
	session_read(peer->session, false);
	return 0;
}

static int hear(struct peer *peer, size_t size, struct received *received, struct error *err)
{
	Footprint__Packet *packet;
	int r = packet_unpack(peer->daemon->intake.packet, size, &packet, err);

	if (r < 0)
		return r;
	switch (packet->said_case) {
	case FOOTPRINT__PACKET__SAID_HELLO:
		r = hear_hello(peer, packet->hello, received, err);
		break;
	case FOOTPRINT__PACKET__SAID_BATCH:
		r = hear_batch(peer, packet->batch, err);
		break;
	case FOOTPRINT__PACKET__SAID_NOTICE:
		r = hear_notice(peer, packet->notice, err);
		break;
	default: /* what a later version may say besides */
		r = peer->session ? 0 : error_set(err, -EBADMSG, "packet: no hello");
	}
	footprint__packet__free_unpacked(packet, NULL);
	return r;
}

/* --- peers ------------------------------------------------------------------------------------ */

static void peer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void peer_close(struct peer *peer)
{
	struct intake *intake = &peer->daemon->intake;

	TAILQ_REMOVE(peer->session ? &intake->talking : &intake->silent, peer, link);
	intake->n_silent -= !peer->session;
	if (peer->polled)
		uv_close((uv_handle_t *)&peer->poll, peer_closed);
	close(peer->fd);
	if (peer->session)
		session_detach(peer->session);
	if (!peer->polled)
		free(peer);
}

static void peer_refuse(struct peer *peer, const struct error *err)
{
	struct counters *counters = &peer->daemon->counters;

	log_note("a peer of uid %u: %s", peer->uid, err->text);
	if (err->code == -ENOMEM)
		counters->no_memory++;
	if (peer->session)
		session_drop(peer->session, err);
	else
		counters->refused++;
	peer_close(peer);
}

enum heard { HEARD, NOTHING_TO_HEAR, PEER_GONE };

/* One packet. */
static enum heard peer_read(struct peer *peer)
{
	auto_received struct received received = { .n = 0 };
	struct error err = { 0 };
	ssize_t n = receive(peer->fd, peer->daemon->intake.packet, &received);

	if (n == -EAGAIN || n == -EINTR)
		return n == -EINTR ? HEARD : NOTHING_TO_HEAR;
	/* SEQPACKET: an empty packet looks like the end. No peer of ours sends one. */
	if (n <= 0) {
		if (!peer->session)
			peer->daemon->counters.silent++;
		peer_close(peer);
		return PEER_GONE;
	}
	if (hear(peer, (size_t)n, &received, &err) < 0) {
		peer_refuse(peer, &err);
		return PEER_GONE;
	}
	if (peer->session && peer->session->dropped) {
		peer_close(peer);
		return PEER_GONE;
	}
	return HEARD;
}

/* What is there, but not for ever: others have their turn. */
static enum heard peer_read_some(struct peer *peer)
{
	enum heard heard = HEARD;

	peer->daemon->intake.busy = true;
	for (int i = 0; i < PACKETS_AT_ONCE && heard == HEARD; i++)
		heard = peer_read(peer);
	return heard;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct peer *peer = poll->data;

	(void)events;
	/* An error on the poll shows itself again in reading. */
	if (status < 0) {
		peer_close(peer);
		return;
	}
	peer_read_some(peer);
}

static void peer_poll(struct peer *peer)
{
	if (uv_poll_init(&peer->daemon->loop, &peer->poll, peer->fd) < 0) {
		peer->daemon->counters.no_memory++;
		peer_close(peer);
		return;
	}
	peer->polled = true;
	peer->poll.data = peer;
	if (uv_poll_start(&peer->poll, UV_READABLE | UV_DISCONNECT, on_readable) < 0)
		peer_close(peer);
}

/* A short process has said all and is gone by now: then it is never polled at all. */
static int peer_new(struct aggregator *daemon, int fd)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	struct ucred credentials;
	socklen_t size = sizeof(credentials);
	int r;

	if (!peer)
		return -ENOMEM;
	peer->daemon = daemon;
	peer->fd = fd;
	peer->since_ms = uv_now(&daemon->loop);
	r = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0 ? -errno : 0;
	if (r < 0) {
		free(peer);
		return r;
	}
	peer->uid = credentials.uid;
	TAILQ_INSERT_TAIL(&daemon->intake.silent, peer, link);
	daemon->intake.n_silent++;
	if (peer_read_some(peer) != PEER_GONE)
		peer_poll(peer);
	return 0;
}

/* --- accepting -------------------------------------------------------------------------------- */

/* The lowest free number tells how many are taken. Each peer that has not said hello yet will bring
 * a memory, and some are kept free for roots, spool files and manifests. */
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

/* Out of descriptors: connections wait in the backlog, and their processes do not care. The poll
 * would report them without end, so it pauses until the tick. */
static void pause_accepting(struct aggregator *daemon)
{
	daemon->counters.no_descriptors++;
	intake_pause(daemon);
}

/* 1: one more accepted. */
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

/*
 * Before the loop waits for events: let some more come together first. A process that connects
 * while nobody waits on the socket wakes nobody, which is two thirds of what connecting costs it,
 * and we are woken once for many.
 */
static void on_pause(uv_prepare_t *prepare)
{
	static const struct timespec pause = { .tv_nsec = GATHER_NS };
	struct aggregator *daemon = prepare->data;

	if (daemon->intake.busy && !daemon->stopping)
		nanosleep(&pause, NULL);
	daemon->intake.busy = false;
}

static int start_pausing(struct aggregator *daemon)
{
	uv_prepare_t *prepare = &daemon->intake.prepare;
	int r = uv_prepare_init(&daemon->loop, prepare);

	prepare->data = daemon;
	return r < 0 ? r : uv_prepare_start(prepare, on_pause);
}

int intake_init(struct aggregator *daemon, int listener)
{
	struct intake *intake = &daemon->intake;
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

/* Hangs up on those whose log turned out to be damaged. */
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

void intake_tick(struct aggregator *daemon)
{
	struct intake *intake = &daemon->intake;
	struct peer *peer;

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

static void drain(struct peer_list *list)
{
	struct peer *peer = TAILQ_FIRST(list);

	while (peer) {
		struct peer *next = TAILQ_NEXT(peer, link);

		while (peer_read(peer) == HEARD)
			;
		peer = next;
	}
}

void intake_drain(struct aggregator *daemon)
{
	while (accept_one(daemon) > 0)
		;
	drain(&daemon->intake.silent);
	drain(&daemon->intake.talking);
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
