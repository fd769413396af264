/* Our side of what is said between a process about to be supervised and its supervisor. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "preload/rawcall.h"
#include "preload/supervised.h"
#include "preload/supervised_filter.h"
#include "preload/text.h"

#define ANSWER_WAIT_MS 45 /* of the 50 ms that a process may ever wait for us */

static long receive(int socket, void *to, size_t size)
{
	struct pollfd wait = { .fd = socket, .events = POLLIN };
	long ready = rawcall3(SYS_poll, (long)&wait, 1, ANSWER_WAIT_MS);

	if (ready <= 0)
		return ready < 0 ? ready : -ETIMEDOUT;
	return rawcall6(SYS_recvfrom, socket, (long)to, (long)size, MSG_DONTWAIT, 0, 0);
}

int supervised_send_listener(int socket, int listener)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char byte = 0;
	struct iovec part = { &byte, sizeof(byte) };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_LEN(sizeof(int)) };
	long sent;

	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.header), &listener, sizeof(listener));
	sent = rawcall3(SYS_sendmsg, socket, (long)&message, SUPERVISED_SEND_FLAGS);
	return sent < 0 ? (int)sent : 0;
}

static const char *why_not_ready(long got, const struct supervised_answer *answer)
{
	if (got == -ETIMEDOUT)
		return "the supervisor did not answer in time";
	if (got != (long)sizeof(*answer))
		return "the supervisor ended";
	if (answer->error == -EPERM || answer->error == -EACCES)
		return "the supervisor may not read its memory";
	return answer->error ? "the supervisor cannot work here" : NULL;
}

/* Once the filter stands there is no way back: the listener goes out at once, and the word that it
 * is heard is only waited for. Should that take long, so will the next call, but it will be made. */
static const char *install(int socket, void *room, bool no_new_privileges)
{
	int listener = supervised_filter_install(room, no_new_privileges);
	char word;

	if (listener == -EBUSY)
		return "a program above it listens to its system calls already";
	if (listener < 0)
		return "no filter for system calls may be installed";
	supervised_send_listener(socket, listener);
	receive(socket, &word, sizeof(word));
	rawcall3(SYS_close, listener, 0, 0);
	return NULL;
}

const char *supervised_begin(int socket, void *filter_room, bool no_new_privileges)
{
	struct supervised_greeting greeting = { .magic = SUPERVISED_MAGIC,
		.address = (uint64_t)(uintptr_t)&greeting,
		.pid = (int32_t)rawcall3(SYS_getpid, 0, 0, 0) };
	struct supervised_answer answer = { 0, 0 };
	const char *why;
	long got;

	if (rawcall6(SYS_sendto, socket, (long)&greeting, sizeof(greeting), MSG_NOSIGNAL, 0, 0) < 0)
		return "the supervisor ended";
	got = receive(socket, &answer, sizeof(answer));
	why = why_not_ready(got, &answer);
	if (why)
		return why;
	return install(socket, filter_room, no_new_privileges);
}
