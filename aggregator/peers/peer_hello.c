/*
 * Hello: checks what comes with it, and finds or makes the session. Nothing is trusted: the memory
 * must be sealed, and the root must be the one that the hello names.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/aggregator.h"
#include "aggregator/clock.h"
#include "aggregator/log.h"
#include "aggregator/peers/descriptor.h"
#include "aggregator/peers/peer_parts.h"
#include "aggregator/policy.h"
#include "aggregator/spool/spool_shared.h"
#include "lib/base/cleanup.h"

/* --- what it brings --------------------------------------------------------------------------- */

/* The root must be an O_PATH descriptor of a directory: it can be looked into, but not read. */
static int check_root(int fd, struct error *err)
{
	if (!descriptor_is_path(fd))
		return error_set(err, -EBADMSG, "root: not an O_PATH descriptor");
	return 0;
}

/* What came with a hello: [memory, root], [root] or nothing. */
struct belongings {
	struct segment *segment;
	struct root *root;
	struct entered *entered; /* where in that it is, if the root was entered; NULL: it is "/" */
	bool unkept;		 /* what the process puts into its spool does not reach us */
};

static void belongings_deinit(struct belongings *belongings)
{
	segment_free(belongings->segment);
	root_unref(belongings->root);
}
#define auto_belongings __attribute__((cleanup(belongings_deinit)))

/* A program that was executed in a root which another one has entered before. */
static int take_entered(struct peer *peer, const Footprint__Hello *hello, int fd,
	struct belongings *ret, struct error *err)
{
	struct entered *entered = ret->entered;

	if (entered->device != hello->root_device || entered->inode != hello->root_inode)
		return error_set(err, -EBADMSG, "root: not the one that the hello names");
	ret->root = entered->root;
	ret->root->references++;
	ret->unkept = !spool_is_shared(peer->daemon, &entered->spool, fd, hello);
	return 0;
}

static int take_root(struct peer *peer, const Footprint__Hello *hello, int fd,
	struct belongings *ret, struct error *err)
{
	int r = check_root(fd, err);

	if (r < 0)
		return r;
	ret->entered = entered_find(peer->daemon, fd);
	/* A process that has entered this root, and then executed the peer, has said so on another
	 * connection, which may not have been read yet. */
	if (!ret->entered && !roots_have(peer->daemon, fd)) {
		intake_hear_others(peer->daemon, peer);
		ret->entered = entered_find(peer->daemon, fd);
	}
	if (ret->entered)
		return take_entered(peer, hello, fd, ret, err);
	r = roots_get(peer->daemon, peer->uid, fd, &ret->root);
	if (r < 0)
		return error_set(err, r, "root: %s", strerror(-r));
	if (ret->root->device != hello->root_device || ret->root->inode != hello->root_inode)
		return error_set(err, -EBADMSG, "root: not the one that the hello names");
	root_hold_mounts(ret->root, peer->fd);
	root_learn_ids(ret->root, fd, peer->fd);
	ret->unkept = !spool_is_shared(peer->daemon, &ret->root->spool, fd, hello);
	return 0;
}

/* Half of the descriptors are for sockets: beyond that, memories are mapped and their descriptors
 * closed. */
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

static int take_belongings(struct peer *peer, const Footprint__Hello *hello,
	struct received *received, struct belongings *ret, struct error *err)
{
	int r = 0;

	if (received->wrong || received->n > RECEIVED_FDS_USUAL)
		return error_set(err, -EBADMSG, "hello: more than two descriptors");
	if (received->n == 2 || (received->n == 1 && !descriptor_is_path(received->fds[0])))
		r = take_memory(peer->daemon, received, ret, err);
	if (r == 0 && received->n && received->fds[received->n - 1] >= 0)
		r = take_root(peer, hello, received->fds[received->n - 1], ret, err);
	return r;
}

/* --- who it is -------------------------------------------------------------------------------- */

/* A peer with another protocol: what it would have said is missing in the manifest of its
 * application. */
static int refuse_protocol(struct peer *peer, const Footprint__Hello *hello)
{
	autofree char *detail = NULL;
	int r = 0;

	if (asprintf(&detail, "protocol %u", hello->protocol) < 0)
		detail = NULL;
	if (peer->daemon->roots.frozen || !detail)
		log_trouble("%s: refused: speaks another protocol", hello->application);
	else
		r = application_gap(peer->daemon, peer->uid, hello, clock_now_ns(),
			"unknown-protocol", detail, 1);
	return r < 0 ? r : -EPROTONOSUPPORT;
}

int peer_hear_hello(struct peer *peer, const Footprint__Hello *hello, struct received *received,
	struct error *err)
{
	auto_belongings struct belongings belongings = { 0 };
	struct aggregator *daemon = peer->daemon;
	struct hello_source source = { .uid = peer->uid };
	struct session *session;
	int r;

	if (!fp_protocol_is_known(hello->protocol)) {
		if (policy_allows_uid(&daemon->options, peer->uid))
			refuse_protocol(peer, hello);
		return error_set(err, -EPROTONOSUPPORT, "hello: protocol %u", hello->protocol);
	}
	r = take_belongings(peer, hello, received, &belongings, err);
	if (r < 0)
		return r;
	source.root = belongings.root;
	source.entered = belongings.entered;
	/* This is a further segment of a cell in its pool, so the session is the cell's, not the
	 * peer's. */
	if (peer->pool)
		pool_look(peer->pool);
	r = session_get(daemon, hello, &source, &session);
	if (r == -EACCES || r == -EPERM)
		return error_set(err, -EACCES,
			"hello: refused: --allow-app or --allow-uid does not name its application "
			"or user");
	if (r == -ECANCELED)
		return error_set(err, r, "hello: of a session that was dropped");
	if (r < 0)
		return error_set(err, r, "hello: refused: %s",
			r == -EUSERS ? "too many applications or roots of its user" : strerror(-r));
	if (belongings.unkept)
		run_cannot_keep(session->application, session->started_ns);
	r = peer_attach(peer, session, err);
	session->scattered |= r == 0 && !belongings.segment;
	if (r == 0 && belongings.segment) {
		r = session_add_memory(session, hello->segment, belongings.segment, err);
		if (r == 0)
			belongings.segment = NULL;
	}
	/* The memory is read when the process ends, which most do soon, or with the next tick. */
	return r;
}
