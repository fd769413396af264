#define _GNU_SOURCE
#include "preload/session/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/uio.h>

#include "preload/descriptor.h"
#include "preload/image.h"
#include "preload/rawcall.h"
#include "preload/record/directories.h"
#include "preload/record/encode.h"
#include "preload/session/connection.h"
#include "preload/session/layout.h"
#include "preload/session/spool.h"
#include "preload/text.h"

/* Field numbers of footprint.Packet, Batch, Notice, PoolRequest and Entered. */
enum { PACKET_HELLO = 1, PACKET_BATCH = 2, PACKET_NOTICE = 3, PACKET_POOL = 4, PACKET_ENTERED = 6 };
enum { SMALL_SESSION = 1 }; /* of all of them but Hello and Batch */
enum { NUMBER_VALUE = 2 };  /* of both Notice and PoolRequest */
enum { ENTERED_ID = 2, ENTERED_FROM = 3, ENTERED_EVERYONE = 4, ENTERED_AT_TICK = 5 };
enum { BATCH_SESSION = 1, BATCH_SEGMENT = 2, BATCH_OFFSET = 3, BATCH_LOG = 4 };

#define HEAD_SIZE_MAX  64	   /* bytes of a packet before its hello or log */
#define BATCH_SIZE_MAX (32u << 10) /* log bytes in a packet */
#define FLUSH_WAIT_MS  40	   /* of the 50 ms that a process may ever wait for us */

/* Sends the hello of a segment. memfd, root: descriptors to send along; -1: none. */
static long send_hello(struct segment *segment, int memfd, int root)
{
	unsigned char head[HEAD_SIZE_MAX];
	struct writer writer = { head, 0 };
	const struct layout *layout = segment_layout(segment);
	size_t size = layout->hello_size;
	struct iovec parts[PACKET_PARTS];
	int fds[2];
	size_t count = 0;
	long error;

	write_bytes_head(&writer, PACKET_HELLO, size);
	parts[0] = (struct iovec){ head, writer.size };
	parts[1] = (struct iovec){ (char *)segment + layout->hello_offset, size };
	if (memfd >= 0)
		fds[count++] = memfd;
	if (root >= 0)
		fds[count++] = root;
	error = connection_send(parts, fds, count);
	if (!error)
		segment->way = memfd >= 0 ? SEGMENT_HELD : SEGMENT_BY_VALUE;
	return error;
}

static long send_log(struct segment *segment, uint64_t from, uint64_t to)
{
	unsigned char head[HEAD_SIZE_MAX];
	struct writer inner = { NULL, 0 }, writer = { head, 0 };
	struct iovec parts[PACKET_PARTS];
	uint64_t size = to - from;

	/* In two passes: the packet's head holds the size of what follows it. */
	for (int pass = 0; pass < 2; pass++) {
		struct writer *w = pass ? &writer : &inner;

		if (pass)
			write_bytes_head(w, PACKET_BATCH, inner.size + size);
		write_bytes(w, BATCH_SESSION, segment_first(segment)->session, SESSION_ID_SIZE);
		write_varint(w, BATCH_SEGMENT, segment->number);
		write_fixed64(w, BATCH_OFFSET, from);
		write_bytes_head(w, BATCH_LOG, size);
	}
	parts[0] = (struct iovec){ head, writer.size };
	parts[1] = (struct iovec){ segment_log(segment) + from, size };
	return connection_send(parts, NULL, 0);
}

/* The end of the whole slots from `from` on that fit into one batch. `from` itself: none does. */
static uint64_t batch_end(struct segment *segment, uint64_t from, uint64_t end)
{
	uint64_t to = from;

	while (to < end) {
		const uint32_t *word = (const uint32_t *)(const void *)(segment_log(segment) + to);
		uint64_t next = to + slot_total(__atomic_load_n(word, __ATOMIC_ACQUIRE));

		if (next - from > BATCH_SIZE_MAX || next > end)
			break;
		to = next;
	}
	return to;
}

/* Sends by value what has not been sent. Negative errno: not all of it was sent. */
static long send_batches(struct segment *segment)
{
	uint64_t from = __atomic_load_n(&segment->sent, __ATOMIC_ACQUIRE);
	uint64_t end = segment_end(segment);
	long error = 0;

	if (segment->way == SEGMENT_UNANNOUNCED)
		error = send_hello(segment, -1, -1);
	while (!error && from < end) {
		uint64_t to = batch_end(segment, from, end);

		if (to == from)
			break;
		error = send_log(segment, from, to);
		if (error)
			break;
		__atomic_compare_exchange_n(
			&segment->sent, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
		from = to;
	}
	return error;
}

/* How a segment's records are kept in the spool: spool_rest() or spool_making(). */
typedef int keep_function(struct segment *segment);

static void note_refusal(int error)
{
	if (!error)
		return;
	image_log_refusal(error);
	image.refused = true;
}

static void keep_with(keep_function *keep, struct segment *segment)
{
	note_refusal(keep(segment));
}

/* The same as send_batches(), but what does not fit into a full socket goes into the spool at once:
 * the aggregator does not hold the memory, so a SIGKILL would lose it. */
static void send_or_keep(struct segment *segment, keep_function *keep)
{
	if (send_batches(segment) < 0 && image.descriptor >= 0)
		keep_with(keep, segment);
}

/* A descriptor of the root that the hello names. -1: "/" is another directory by now. (A vfork
 * child may have changed that without its parent's memory saying so.) */
static int open_root(void)
{
	if (image.left_root || !directory_root_stays() || !image_is_ours())
		return -1;
	return (int)rawcall4(SYS_openat, AT_FDCWD, (long)"/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
}

static void forget_what_was_sent(void)
{
	for (struct segment *s = image.segment; s; s = segment_previous(s)) {
		uint64_t released = __atomic_load_n(&s->released, __ATOMIC_ACQUIRE);

		s->way = SEGMENT_UNANNOUNCED;
		s->sent = released ? released : segment_acknowledged(s);
	}
}

/* The memfds are closed by now, so an aggregator that we connect to anew gets everything by
 * value. */
static void say_hello_again(void)
{
	int root CLEANUP_FD = open_root();
	struct segment *newest = image.segment;

	forget_what_was_sent();
	for (struct segment *s = NULL; (s = segment_following(newest, s));) {
		if (send_hello(s, -1, root) < 0)
			keep_with(spool_rest, s);
		else
			send_or_keep(s, spool_rest);
	}
}

/* One thread at a time reconnects. The others go on as if there were no aggregator. */
static bool reconnect(void)
{
	long error = -EBUSY;

	if (!image_is_ours() || __atomic_exchange_n(&image.connecting, true, __ATOMIC_ACQ_REL))
		return false;
	if (__atomic_load_n(&image.descriptor, __ATOMIC_ACQUIRE) < 0)
		error = connection_open();
	if (!error)
		say_hello_again();
	__atomic_store_n(&image.connecting, false, __ATOMIC_RELEASE);
	return !error;
}

void session_start(struct segment *segment, int memfd, int root)
{
	long error = connection_open();

	image.last_look = image_time();
	if (!error)
		error = send_hello(segment, memfd, root);
	if (error)
		image_log("no aggregator answers", error);
}

/* Writes the message in a packet, from what `context` points to. */
typedef void message_writer(struct writer *w, const void *context);

/* Sends a packet with a message that begins with the session, and is small. 0 or a negative
 * errno. */
static long send_small(unsigned packet, message_writer *write_message, const void *context,
	const int *fds, size_t fd_count)
{
	unsigned char head[HEAD_SIZE_MAX];
	struct writer inner = { NULL, 0 }, writer = { head, 0 };
	struct iovec parts[PACKET_PARTS];

	for (int pass = 0; pass < 2; pass++) {
		struct writer *w = pass ? &writer : &inner;

		if (pass)
			write_bytes_head(w, packet, inner.size);
		write_bytes(
			w, SMALL_SESSION, segment_first(image.segment)->session, SESSION_ID_SIZE);
		write_message(w, context);
	}
	parts[0] = (struct iovec){ head, writer.size };
	parts[1] = (struct iovec){ NULL, 0 };
	return connection_send(parts, fds, fd_count);
}

static void write_notice(struct writer *w, const void *context)
{
	const struct segment *segment = context;

	write_varint(w, NUMBER_VALUE, segment_previous(segment)->number);
}

/* "Look at my memory": says that the segment before this one is full. */
static void send_notice(struct segment *segment)
{
	send_small(PACKET_NOTICE, write_notice, segment, NULL, 0);
}

bool session_announce(struct segment *segment, int memfd)
{
	int root CLEANUP_FD = image.descriptor < 0 ? -1 : open_root();

	/* Whoever holds the other segments would not read this one. */
	if (segment->way == SEGMENT_UNANNOUNCED && segment_is_left(segment_previous(segment))) {
		segment->head.acknowledged = SESSION_MEMORY_LEFT;
		segment->way = SEGMENT_HELD;
		return true;
	}
	if (image.descriptor < 0 || send_hello(segment, memfd, root) < 0)
		return false;
	send_notice(segment);
	return true;
}

static void write_request(struct writer *w, const void *context)
{
	const uint64_t *identity = context;

	write_fixed64(w, NUMBER_VALUE, *identity);
}

void session_ask_for_pool(uint64_t identity)
{
	send_small(PACKET_POOL, write_request, &identity, NULL, 0);
}

static void write_change(struct writer *w, const void *context)
{
	const struct root_change *change = context;

	write_fixed64(w, ENTERED_ID, change->id);
	write_fixed64(w, ENTERED_FROM, change->from);
	write_varint(w, ENTERED_EVERYONE, change->everyone);
	write_varint(w, ENTERED_AT_TICK, change->at_tick);
}

long session_tell_root(const struct root_change *change, const int *fds, size_t fd_count)
{
	return send_small(PACKET_ENTERED, write_change, change, fds, fd_count);
}

/* True once a second or so. */
static bool time_to_look(void)
{
	uint64_t now = image_time();

	if (now - __atomic_load_n(&image.last_look, __ATOMIC_RELAXED) < IMAGE_SECOND)
		return false;
	__atomic_store_n(&image.last_look, now, __ATOMIC_RELAXED);
	return true;
}

static void spool_all(struct segment *newest, keep_function *keep)
{
	image.refused = false;
	for (struct segment *s = NULL; (s = segment_following(newest, s));)
		keep_with(keep, s);
}

void session_tend_all(struct segment *segment)
{
	/* Of an image that is still starting (it has one segment), no call has returned to the
	 * program yet. */
	keep_function *keep = segment_previous(segment) ? spool_rest : spool_making;

	if (image.memory_only)
		return;
	if (image.descriptor < 0 || segment_is_left(segment))
		spool_all(segment, keep);
	else if (segment->way != SEGMENT_HELD)
		send_or_keep(segment, keep);
}

static uint64_t offset_of(struct segment *segment, const uint32_t *slot)
{
	return (uint64_t)((const unsigned char *)slot - segment_log(segment));
}

static void send_slot(struct segment *segment, const uint32_t *slot)
{
	uint64_t from = offset_of(segment, slot);

	/* Where `sent` is past the slot, another thread has sent it while it was being written. */
	if (from >= __atomic_load_n(&segment->sent, __ATOMIC_ACQUIRE))
		send_or_keep(segment, spool_making); /* and all before it */
	else if (send_log(segment, from, segment_slot_end(segment, slot)) < 0 &&
		 image.descriptor >= 0)
		note_refusal(spool_slot(segment, slot));
}

void session_tend(struct segment *segment, const uint32_t *slot)
{
	bool connected = image.descriptor >= 0, now_and_then;

	if (image.memory_only || image.starting)
		return;
	if (connected && segment->way == SEGMENT_HELD) {
		/* Another thread has put what there was into the spool, and ends the process; or
		 * the aggregator ends. */
		if (__atomic_load_n(&image.said_goodbye, __ATOMIC_SEQ_CST) ||
			segment_is_left(segment))
			note_refusal(spool_slot(segment, slot));
		if (!time_to_look() || connection_is_there())
			return;
	} else if (connected) {
		send_slot(segment, slot);
	}
	if (image.descriptor >= 0)
		return;
	/* If the connection was lost just now, another aggregator may be there already. */
	now_and_then = connected || time_to_look();
	if (now_and_then && reconnect())
		return;
	if (connected || (now_and_then && image.refused))
		spool_all(segment, spool_rest);
	else
		note_refusal(spool_slot(segment, slot));
}

void session_look(void)
{
	bool connected = image.descriptor >= 0;

	if (image.memory_only || !time_to_look() || (connected && connection_is_there()))
		return;
	if (!reconnect() && (connected || image.refused))
		spool_all(image.segment, spool_rest);
}

void session_changed(const uint32_t *slot)
{
	struct segment *segment = image.segment;
	const unsigned char *at = (const unsigned char *)slot;

	while (segment && (at < segment_log(segment) ||
				  at >= segment_log(segment) + segment_layout(segment)->log_size))
		segment = segment_previous(segment);
	if (segment && segment->way == SEGMENT_BY_VALUE && image.descriptor >= 0 &&
		!image.memory_only) {
		send_log(segment, offset_of(segment, slot), segment_slot_end(segment, slot));
	}
}

/* Does the segment hold something that goes by value and was not sent yet? */
static bool has_unsent(struct segment *segment)
{
	return segment->way != SEGMENT_HELD &&
	       __atomic_load_n(&segment->sent, __ATOMIC_ACQUIRE) < segment_end(segment);
}

void session_flush(void)
{
	for (struct segment *s = image.segment; s; s = segment_previous(s)) {
		struct pollfd socket = { .fd = image.descriptor, .events = POLLOUT };

		if (image.memory_only || image.descriptor < 0)
			return;
		if (!has_unsent(s))
			continue;
		send_batches(s);
		if (!has_unsent(s) || image.has_waited)
			continue;
		/* The one place where we wait, once in a process's life: the aggregator does not
		 * hold the memory, so what is not sent now may be lost. */
		image.has_waited = true;
		rawcall3(SYS_poll, (long)&socket, 1, FLUSH_WAIT_MS);
		send_batches(s);
	}
}
