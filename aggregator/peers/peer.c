#include "aggregator/peers/peer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "aggregator/peers/descriptor.h"
#include "aggregator/peers/peer_parts.h"

#define PACKETS_AT_ONCE 64	      /* packets, after which others have their turn */
#define HURRY_SIZE	(16ull << 20) /* bytes of unread log; with less there is time until the tick */

/* --- what it says ----------------------------------------------------------------------------- */

int peer_attach(struct peer *peer, struct session *session, struct error *err)
{
	if (peer->session == session || pool_has(peer->pool, session))
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

/* The session with this id, if the peer may speak for it: its own, or one in its pool. NULL: it may
 * not. */
static struct session *session_of(struct peer *peer, const ProtobufCBinaryData *id)
{
	struct session *session;

	if (!peer->session)
		return NULL;
	if (!memcmp(peer->session->id, id->data, SESSION_ID_SIZE))
		return peer->session;
	if (!peer->pool)
		return NULL;
	session = session_find(peer->daemon, id->data);
	if (!session || !pool_has(peer->pool, session)) {
		pool_look(peer->pool); /* its image may be new */
		session = session_find(peer->daemon, id->data);
	}
	return session && pool_has(peer->pool, session) ? session : NULL;
}

static int hear_batch(struct peer *peer, const Footprint__Batch *batch, struct error *err)
{
	struct session *session = session_of(peer, &batch->session);
	int r;

	if (!session)
		return error_set(err, -EBADMSG, "batch: of another session");
	r = session_add_log(
		session, batch->segment, batch->offset, batch->log.data, batch->log.len, err);
	if (r == 0)
		session_read(session);
	return r;
}

/* A segment is full. It is not read at once: reading while the program records would cost that a
 * hundredth of its time, on a processor whose caches it shares with us. */
static int hear_notice(struct peer *peer, const Footprint__Notice *notice, struct error *err)
{
	struct session *session = session_of(peer, &notice->session);

	if (!session)
		return error_set(err, -EBADMSG, "notice: of another session");
	if (session_unread_size(session) >= HURRY_SIZE)
		session_read(session);
	return 0;
}

static int hear_request(struct peer *peer, const Footprint__PoolRequest *request, struct error *err)
{
	if (!session_of(peer, &request->session))
		return error_set(err, -EBADMSG, "request for a pool: of another session");
	pool_lend(peer, request);
	return 0;
}

static int hear_vigil(struct peer *peer, const Footprint__Vigil *vigil, struct received *received,
	struct error *err)
{
	struct session *session = session_of(peer, &vigil->session);

	if (!session)
		return error_set(err, -EBADMSG, "vigil: of another session");
	vigil_begin(session, received);
	return 0;
}

static int hear_entered(struct peer *peer, const Footprint__Entered *entered,
	struct received *received, struct error *err)
{
	struct session *session = session_of(peer, &entered->session);
	int r;

	if (!session)
		return error_set(err, -EBADMSG, "entered: of another session");
	r = session_enter(session, entered, received, err);
	descriptors_close(received->fds, received->n);
	received->n = 0;
	return r;
}

static int hear(struct peer *peer, size_t size, struct received *received, struct error *err)
{
	Footprint__Packet *packet;
	int r = packet_unpack(peer->daemon->intake.packet, size, &packet, err);

	if (r < 0)
		return r;
	switch (packet->said_case) {
	case FOOTPRINT__PACKET__SAID_HELLO:
		r = peer_hear_hello(peer, packet->hello, received, err);
		break;
	case FOOTPRINT__PACKET__SAID_BATCH:
		r = hear_batch(peer, packet->batch, err);
		break;
	case FOOTPRINT__PACKET__SAID_NOTICE:
		r = hear_notice(peer, packet->notice, err);
		break;
	case FOOTPRINT__PACKET__SAID_POOL:
		r = hear_request(peer, packet->pool, err);
		break;
	case FOOTPRINT__PACKET__SAID_VIGIL:
		r = hear_vigil(peer, packet->vigil, received, err);
		break;
	case FOOTPRINT__PACKET__SAID_ENTERED:
		r = hear_entered(peer, packet->entered, received, err);
		break;
	default: /* messages of later versions */
		r = peer->session ? 0 : error_set(err, -EBADMSG, "packet: no hello");
	}
	footprint__packet__free_unpacked(packet, NULL);
	if (r == 0 && received_is_strange(received))
		r = error_set(err, -EBADMSG, "packet: descriptors that do not belong there");
	return r;
}

/* --- its connection --------------------------------------------------------------------------- */

static void peer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void peer_close(struct peer *peer)
{
	struct intake *intake = &peer->daemon->intake;

	TAILQ_REMOVE(peer->session ? &intake->talking : &intake->silent, peer, link);
	intake->n_silent -= !peer->session;
	if (peer->polled)
		uv_close((uv_handle_t *)&peer->poll, peer_closed);
	descriptor_hang_up(peer->fd);
	pool_close(peer->pool);
	if (peer->session)
		session_detach(peer->session);
	if (!peer->polled)
		free(peer);
}

static void peer_refuse(struct peer *peer, const struct error *err)
{
	struct counters *counters = &peer->daemon->counters;

	struct intake *intake = &peer->daemon->intake;
	/* There may always be some whom the operator has not allowed: he knows. */
	bool known = err->code == -EUSERS || (err->code == -EACCES && intake->policy_told);

	/* Without a session, there is no manifest that could say so. */
	if (peer->session || known)
		log_note("a peer of uid %u: %s", peer->uid, err->text);
	else
		log_trouble("a peer of uid %u is not watched: %s", peer->uid, err->text);
	intake->policy_told |= err->code == -EACCES;
	if (err->code == -ENOMEM)
		counters->no_memory++;
	if (peer->session)
		session_drop(peer->session, err);
	else
		counters->refused++;
	peer_close(peer);
}

/* Reading has come to the end: is it the connection's? Of a peer that is refused, reading always
 * says so. */
static bool has_hung_up(const struct peer *peer)
{
	struct pollfd polled = { .fd = peer->fd };

	return !peer->refused || (poll(&polled, 1, 0) > 0 && polled.revents & POLLHUP);
}

enum hearing peer_read(struct peer *peer)
{
	auto_received struct received received = { .n = 0 };
	struct error err = { 0 };
	ssize_t n = receive(peer->fd, peer->daemon->intake.packet, &received);

	/* The peer has ended without reading what we have sent, as all do that have a pool. The
	 * kernel says that once, before it returns what the peer has sent. */
	if (n == -ECONNRESET)
		n = receive(peer->fd, peer->daemon->intake.packet, &received);
	if (n == -EAGAIN || n == -EINTR)
		return n == -EINTR ? HEARD : NOTHING_TO_HEAR;
	if (n == 0 && !has_hung_up(peer))
		return NOTHING_TO_HEAR;
	/* SEQPACKET: an empty packet looks like the end. No peer of ours sends one. */
	if (n <= 0) {
		if (!peer->session)
			peer->daemon->counters.silent++;
		else if (peer->refused)
			/* It may live, and have closed the connection because it was refused. */
			peer->session->scattered = true;
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

static bool has_packet(const struct peer *peer)
{
	char byte;

	return recv(peer->fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) > 0;
}

void peer_hear(struct peer *peer)
{
	for (int i = 0; i < PACKETS_AT_ONCE && has_packet(peer); i++) {
		auto_received struct received received = { .n = 0 };
		struct error err = { 0 };
		ssize_t n = receive(peer->fd, peer->daemon->intake.packet, &received);

		if (n <= 0)
			return;
		if (hear(peer, (size_t)n, &received, &err) < 0) {
			if (peer->session)
				session_drop(peer->session, &err);
			return;
		}
	}
}

/* Reads what is there, but only for a while, since others have their turn. */
static enum hearing peer_read_some(struct peer *peer)
{
	enum hearing heard = HEARD;

	peer->daemon->intake.busy = true;
	for (int i = 0; i < PACKETS_AT_ONCE && heard == HEARD; i++)
		heard = peer_read(peer);
	return heard;
}

/* The other end is gone, with an error, after which libuv does not poll any more: reads all that is
 * left. */
static void peer_read_out(struct peer *peer)
{
	enum hearing heard = HEARD;

	peer->daemon->intake.busy = true;
	while (heard == HEARD)
		heard = peer_read(peer);
	if (heard == NOTHING_TO_HEAR)
		peer_close(peer);
}

/* Does not read from the peer for a while. When its socket is full, its process uses the spool. */
static void peer_wait(struct peer *peer)
{
	uv_poll_stop(&peer->poll);
	peer->waiting = peer->daemon->intake.any_waits = true;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct peer *peer = poll->data;

	(void)events;
	if (status < 0)
		peer_read_out(peer);
	else if (!peer->refused && peer->daemon->roots.n_queued >= FACTS_QUEUED_MAX)
		peer_wait(peer);
	else
		peer_read_some(peer);
}

bool peer_refuse_more(struct peer *peer)
{
	if (peer->refused)
		return false;
	peer->refused = true;
	shutdown(peer->fd, SHUT_RD);
	/* From now on it would be reported as readable for ever. A connection that was hung up is
	 * reported whatever is asked for, and nothing is ever urgent here. */
	if (peer->polled)
		uv_poll_start(&peer->poll, UV_PRIORITIZED, on_readable);
	return true;
}

void peer_resume(struct peer *peer)
{
	peer->waiting = false;
	if (uv_poll_start(&peer->poll, UV_READABLE | UV_DISCONNECT, on_readable) < 0)
		peer_close(peer);
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

/* A short process has said everything and is gone by now, so it need never be polled. */
int peer_new(struct aggregator *daemon, int fd)
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
