#define _GNU_SOURCE
#include "supervise/vigil.h"

#include <poll.h>
#include <sys/socket.h>

#include "preload/connection.h"
#include "preload/encode.h"
#include "preload/image.h"
#include "preload/rawcall.h"
#include "supervise/target.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

enum { PACKET_VIGIL = 5, VIGIL_SESSION = 1 }; /* footprint.Packet, footprint.Vigil */

#define STATUS_SIZE  4096
#define HEAD_SIZE    16
#define SESSION_SIZE 32

/* The end that is held, by the guardian and all its workers, and the one that is sent. */
static int held = -1, sent = -1;

void vigil_prepare(void)
{
	int ends[2];

	if (rawcall4(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, (long)ends) < 0)
		return;
	held = ends[0];
	sent = ends[1];
}

static bool has_ended(int program)
{
	struct pollfd polled = { .fd = program, .events = POLLIN };

	return rawcall3(SYS_poll, (long)&polled, 1, 0) > 0;
}

/* Of a thread's process, since before Linux 6.9 threads have none of their own. A pidfd or -1. */
static int open_program(int pid)
{
	char status[STATUS_SIZE];
	long fd;

	if (held < 0 || target_file(pid, "status", status, sizeof(status)) <= 0)
		return -1;
	fd = rawcall3(SYS_pidfd_open, (long)target_status(status, "Tgid", 0), 0, 0);
	return fd < 0 ? -1 : (int)fd;
}

void vigil_meet(struct vigil *vigil, int pid)
{
	if (vigil->open && !has_ended(vigil->program))
		return;
	vigil_close(vigil);
	vigil->program = open_program(pid);
	vigil->open = vigil->program >= 0;
}

static long send_vigil(const struct vigil *vigil)
{
	unsigned char head[HEAD_SIZE], body[SESSION_SIZE];
	struct writer outer = { head, 0 }, inner = { body, 0 };
	const int fds[2] = { vigil->program, sent };
	struct iovec parts[PACKET_PARTS];

	write_bytes(&inner, VIGIL_SESSION, image.segment->first->session, SESSION_ID_SIZE);
	write_bytes_head(&outer, PACKET_VIGIL, inner.size);
	parts[0] = (struct iovec){ head, outer.size };
	parts[1] = (struct iovec){ body, inner.size };
	return connection_send(parts, fds, 2);
}

void vigil_tend(struct vigil *vigil)
{
	if (image.descriptor < 0 || image.inode == vigil->said_on || !vigil->open)
		return;
	/* What a full socket does not take is tried with the next call. */
	if (send_vigil(vigil) == 0)
		vigil->said_on = image.inode;
}

void vigil_close(struct vigil *vigil)
{
	if (vigil->open)
		rawcall3(SYS_close, vigil->program, 0, 0);
	*vigil = (struct vigil){ 0 };
}
