#define _GNU_SOURCE
#include "preload/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "preload/encode.h"
#include "preload/image.h"
#include "preload/rawcall.h"
#include "preload/spool.h"
#include "preload/text.h"

/* Field numbers of footprint.Packet, Batch and Notice. */
enum { PACKET_HELLO = 1, PACKET_BATCH = 2, PACKET_NOTICE = 3 };
enum { BATCH_SESSION = 1, BATCH_SEGMENT = 2, BATCH_OFFSET = 3, BATCH_LOG = 4 };

#define HEAD_SIZE_MAX	  64	      /* of a packet, before its hello or log */
#define BATCH_SIZE_MAX	  (32u << 10) /* log bytes in a packet */
#define HIGH_FD		  1000	      /* out of the way of programs that expect low numbers */
#define FDS_FROM_TOP	  8	      /* below the limit, where it is lower than that */
#define FLUSH_WAIT_MS	  40	      /* of the 50 ms that a process may ever wait for us */
#define PACKET_PARTS	  2
#define SESSION_PATH_SIZE 1024 /* of a socket's folder */

/* A descriptor number where no program looks: below the limit, and not so high that the kernel's
 * table for it would cost. */
static int high_number(void)
{
	struct rlimit limit;

	if (rawcall4(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit) < 0)
		return -1;
	if (limit.rlim_cur > HIGH_FD)
		return HIGH_FD;
	return limit.rlim_cur > 2 * FDS_FROM_TOP ? (int)limit.rlim_cur - FDS_FROM_TOP : -1;
}

/* sun_path is short; a longer path is reached through a descriptor of its folder. */
static long connect_to(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char *end = address.sun_path + sizeof(address.sun_path);
	size_t size = text_length(path);
	char folder[SESSION_PATH_SIZE];
	const char *name = path + size;
	long folder_fd, result;
	char *p;

	if (size < sizeof(address.sun_path)) {
		memcpy(address.sun_path, path, size);
		return rawcall3(SYS_connect, fd, (long)&address,
			(long)(offsetof(struct sockaddr_un, sun_path) + size + 1));
	}
	while (name > path && name[-1] != '/')
		name--;
	if ((size_t)(name - path) >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, path, (size_t)(name - path));
	folder[name - path] = '\0';
	folder_fd =
		rawcall4(SYS_openat, AT_FDCWD, (long)folder, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (folder_fd < 0)
		return folder_fd;
	p = text_append(address.sun_path, end, "/proc/self/fd/");
	p = text_append_number(p, end, (uint64_t)folder_fd);
	p = text_append(text_append(p, end, "/"), end, name);
	result = p + 1 < end ? rawcall3(SYS_connect, fd, (long)&address, sizeof(address))
			     : -ENAMETOOLONG;
	rawcall3(SYS_close, folder_fd, 0, 0);
	return result;
}

static bool identity_of(int fd, uint64_t *device, uint64_t *inode)
{
	struct stat file;

	if (rawcall3(SYS_fstat, fd, (long)&file, 0) < 0)
		return false;
	*device = file.st_dev;
	*inode = file.st_ino;
	return true;
}

/* 0, or a negative errno. On success image.descriptor is a connected socket. */
static long session_connect(void)
{
	struct segment *first = image.segment->first;
	long low, high, result;

	low = rawcall3(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (low < 0)
		return low;
	result = connect_to((int)low, (const char *)first + first->socket_path);
	if (result < 0) {
		rawcall3(SYS_close, low, 0, 0);
		return result;
	}
	high = rawcall3(SYS_fcntl, low, F_DUPFD_CLOEXEC, high_number());
	rawcall3(SYS_close, low, 0, 0);
	if (high < 0)
		return high;
	if (!identity_of((int)high, &image.device, &image.inode)) {
		rawcall3(SYS_close, high, 0, 0);
		return -EBADF;
	}
	__atomic_store_n(&image.descriptor, (int)high, __ATOMIC_RELEASE);
	return 0;
}

/* Is the descriptor still our socket? The application may have closed it behind our back. */
static bool descriptor_is_ours(int fd)
{
	uint64_t device, inode;

	return fd >= 0 && identity_of(fd, &device, &inode) && device == image.device &&
	       inode == image.inode;
}

/* The connection is gone. Not for a vfork child to say, which may have closed its own copy. Of
 * several threads that find out, one closes. */
static void session_drop(bool close)
{
	int fd = __atomic_load_n(&image.descriptor, __ATOMIC_ACQUIRE);

	if (fd < 0 || !image_is_ours() ||
		!__atomic_compare_exchange_n(
			&image.descriptor, &fd, -1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	if (close)
		rawcall3(SYS_close, fd, 0, 0);
	image_log("the aggregator is gone", 0);
}

/* Sends one packet: our parts, and descriptors. 0, or a negative errno. */
static long send_packet(const struct iovec parts[PACKET_PARTS], const int *fds, size_t fd_count)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct msghdr message = { .msg_iov = (struct iovec *)parts, .msg_iovlen = PACKET_PARTS };
	int fd = __atomic_load_n(&image.descriptor, __ATOMIC_ACQUIRE);
	long sent;

	if (!descriptor_is_ours(fd)) {
		session_drop(false);
		return -EBADF;
	}
	if (fd_count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_LEN(fd_count * sizeof(int));
		control.header.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.header), fds, fd_count * sizeof(int));
	}
	sent = rawcall3(SYS_sendmsg, fd, (long)&message, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent == -EPIPE || sent == -ECONNRESET || sent == -ENOTCONN)
		session_drop(true);
	return sent < 0 ? sent : 0;
}

/* The hello of a segment; memfd, root: -1 where there is none. */
static long send_hello(struct segment *segment, int memfd, int root)
{
	unsigned char head[HEAD_SIZE_MAX];
	struct writer writer = { head, 0 };
	size_t size = segment->head.hello_size;
	struct iovec parts[PACKET_PARTS];
	int fds[2];
	size_t count = 0;
	long error;

	write_bytes_head(&writer, PACKET_HELLO, size);
	parts[0] = (struct iovec){ head, writer.size };
	parts[1] = (struct iovec){ (char *)segment + segment->head.hello_offset, size };
	if (memfd >= 0)
		fds[count++] = memfd;
	if (root >= 0)
		fds[count++] = root;
	error = send_packet(parts, fds, count);
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

	/* Twice: the packet's head holds the size of what follows. */
	for (int pass = 0; pass < 2; pass++) {
		struct writer *w = pass ? &writer : &inner;

		if (pass)
			write_bytes_head(w, PACKET_BATCH, inner.size + size);
		write_bytes(w, BATCH_SESSION, segment->first->session, SESSION_ID_SIZE);
		write_varint(w, BATCH_SEGMENT, segment->number);
		write_fixed64(w, BATCH_OFFSET, from);
		write_bytes_head(w, BATCH_LOG, size);
	}
	parts[0] = (struct iovec){ head, writer.size };
	parts[1] = (struct iovec){ segment_log(segment) + from, size };
	return send_packet(parts, NULL, 0);
}

/* The end of the whole slots from `from` on that go into one batch; `from`: none. */
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

/* Sends what has not been sent by value, as far as the socket takes it. */
static void send_batches(struct segment *segment)
{
	uint64_t from = __atomic_load_n(&segment->sent, __ATOMIC_ACQUIRE);
	uint64_t end = segment_end(segment);

	if (segment->way == SEGMENT_UNANNOUNCED && send_hello(segment, -1, -1) < 0)
		return;
	while (from < end) {
		uint64_t to = batch_end(segment, from, end);

		if (to == from || send_log(segment, from, to) < 0)
			return;
		__atomic_compare_exchange_n(
			&segment->sent, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
		from = to;
	}
}

static int open_root(void)
{
	return (int)rawcall4(SYS_openat, AT_FDCWD, (long)"/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
}

/* An aggregator that is new to us gets everything by value: the memfds are closed. */
static void say_hello_again(void)
{
	int root = open_root();

	for (struct segment *s = image.segment; s; s = s->previous) {
		s->way = SEGMENT_UNANNOUNCED;
		s->sent = __atomic_load_n(&s->head.acknowledged, __ATOMIC_ACQUIRE);
		if (send_hello(s, -1, root) < 0)
			break;
		send_batches(s);
	}
	if (root >= 0)
		rawcall3(SYS_close, root, 0, 0);
}

/* One thread at a time: the others go on as if nobody were there. */
static bool reconnect(void)
{
	long error = -EBUSY;

	if (!image_is_ours() || __atomic_exchange_n(&image.connecting, true, __ATOMIC_ACQ_REL))
		return false;
	if (__atomic_load_n(&image.descriptor, __ATOMIC_ACQUIRE) < 0)
		error = session_connect();
	if (!error)
		say_hello_again();
	__atomic_store_n(&image.connecting, false, __ATOMIC_RELEASE);
	return !error;
}

void session_start(struct segment *segment, int memfd, int root)
{
	long error = session_connect();

	image.last_look = image_time();
	if (!error)
		error = send_hello(segment, memfd, root);
	if (error)
		image_log("no aggregator answers", error);
}

void session_announce(struct segment *segment, int memfd)
{
	unsigned char head[HEAD_SIZE_MAX];
	struct writer inner = { NULL, 0 }, writer = { head, 0 };
	struct iovec parts[PACKET_PARTS];
	int root;

	if (image.descriptor < 0 || image.memory_only)
		return;
	root = open_root();
	send_hello(segment, memfd, root);
	if (root >= 0)
		rawcall3(SYS_close, root, 0, 0);

	for (int pass = 0; pass < 2; pass++) {
		struct writer *w = pass ? &writer : &inner;

		if (pass)
			write_bytes_head(w, PACKET_NOTICE, inner.size);
		write_bytes(w, BATCH_SESSION, segment->first->session, SESSION_ID_SIZE);
		write_varint(w, BATCH_SEGMENT, segment->previous->number);
	}
	parts[0] = (struct iovec){ head, writer.size };
	parts[1] = (struct iovec){ NULL, 0 };
	send_packet(parts, NULL, 0);
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

/* Nothing is ever sent to us, so there is nothing to read but the end. */
static bool peer_is_there(void)
{
	int fd = __atomic_load_n(&image.descriptor, __ATOMIC_ACQUIRE);
	char byte;
	long got;

	if (!descriptor_is_ours(fd)) {
		session_drop(false);
		return false;
	}
	got = rawcall6(SYS_recvfrom, fd, (long)&byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT, 0, 0);
	if (got == -EAGAIN || got > 0)
		return true;
	session_drop(true);
	return false;
}

static void spool_all(struct segment *segment)
{
	for (; segment; segment = segment->previous) {
		int error = spool_rest(segment);

		if (error)
			image_log("the spool takes nothing", error);
	}
}

void session_tend_all(struct segment *segment)
{
	if (image.memory_only)
		return;
	if (image.descriptor < 0)
		spool_all(segment);
	else if (segment->way != SEGMENT_HELD)
		send_batches(segment);
}

static uint64_t offset_of(struct segment *segment, const uint32_t *slot)
{
	return (uint64_t)((const unsigned char *)slot - segment_log(segment));
}

static void send_slot(struct segment *segment, const uint32_t *slot)
{
	uint64_t from = offset_of(segment, slot);

	/* Sent while it was being written: by a thread that came to send everything up to its own.
	 */
	if (from < __atomic_load_n(&segment->sent, __ATOMIC_ACQUIRE))
		send_log(segment, from, from + slot_total(*slot));
	else
		send_batches(segment);
}

void session_tend(struct segment *segment, const uint32_t *slot)
{
	bool connected = image.descriptor >= 0;

	if (image.memory_only || image.starting)
		return;
	if (connected && segment->way == SEGMENT_HELD) {
		if (!time_to_look() || peer_is_there())
			return;
	} else if (connected) {
		send_slot(segment, slot);
	}
	if (image.descriptor >= 0)
		return;
	/* Just lost: its successor may be there already. */
	if ((connected || time_to_look()) && reconnect())
		return;
	if (connected)
		spool_all(segment);
	else
		spool_slot(segment, slot);
}

void session_changed(const uint32_t *slot)
{
	struct segment *segment = image.segment;
	const unsigned char *at = (const unsigned char *)slot;

	while (segment &&
		(at < segment_log(segment) || at >= segment_log(segment) + segment->head.log_size))
		segment = segment->previous;
	if (segment && segment->way == SEGMENT_BY_VALUE && image.descriptor >= 0 &&
		!image.memory_only) {
		uint64_t from = offset_of(segment, slot);

		send_log(segment, from, from + slot_total(*slot));
	}
}

/* Is something of a segment that goes by value not sent yet? */
static bool has_unsent(struct segment *segment)
{
	return segment->way != SEGMENT_HELD &&
	       __atomic_load_n(&segment->sent, __ATOMIC_ACQUIRE) < segment_end(segment);
}

void session_flush(void)
{
	for (struct segment *s = image.segment; s; s = s->previous) {
		struct pollfd socket = { .fd = image.descriptor, .events = POLLOUT };

		if (image.memory_only || image.descriptor < 0)
			return;
		if (!has_unsent(s))
			continue;
		send_batches(s);
		if (!has_unsent(s) || image.has_waited)
			continue;
		/* The one place where we wait, once in a process's life: without shared memory what
		 * is not sent now may be lost. */
		image.has_waited = true;
		rawcall3(SYS_poll, (long)&socket, 1, FLUSH_WAIT_MS);
		send_batches(s);
	}
}
