#define _GNU_SOURCE
#include "supervise/vigil.h"

#include <sys/socket.h>

#include "preload/image.h"
#include "preload/rawcall.h"
#include "preload/record/encode.h"
#include "preload/session/connection.h"
#include "preload/session/layout.h"
#include "preload/session/session.h"

enum { PACKET_VIGIL = 5, VIGIL_SESSION = 1 }; /* footprint.Packet, footprint.Vigil */

#define HEAD_SIZE 16
#define BODY_SIZE 32

/* The end of the lifeline that the guardian and all its workers hold, and the end that is sent. */
static int held = -1, sent = -1, sent_listener = -1;

void vigil_prepare(int listener)
{
	int ends[2];

	if (rawcall4(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, (long)ends) < 0)
		return;
	held = ends[0];
	sent = ends[1];
	sent_listener = listener;
}

static long send_vigil(void)
{
	unsigned char head[HEAD_SIZE], body[BODY_SIZE];
	struct writer outer = { head, 0 }, inner = { body, 0 };
	const int fds[2] = { sent_listener, sent };
	struct iovec parts[PACKET_PARTS];

	write_bytes(&inner, VIGIL_SESSION, segment_first(image.segment)->session, SESSION_ID_SIZE);
	write_bytes_head(&outer, PACKET_VIGIL, inner.size);
	parts[0] = (struct iovec){ head, outer.size };
	parts[1] = (struct iovec){ body, inner.size };
	return connection_send(parts, fds, 2);
}

void vigil_tend(uint64_t *told_on)
{
	session_look();
	if (held < 0 || image.descriptor < 0 || image.inode == *told_on)
		return;
	/* If the socket is full, it is tried again with the next call. */
	if (send_vigil() == 0)
		*told_on = image.inode;
}
