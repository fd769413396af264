/* Our side of the dialogue between a process that is about to be supervised and its supervisor. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "preload/programs/supervised.h"
#include "preload/programs/supervised_filter.h"
#include "preload/rawcall.h"
#include "preload/text.h"
#include "proto/session_memory.h"

#define ANSWER_WAIT_MS 45 /* of the 50 ms that a process may ever wait for us */

static long receive(int socket, void *to, size_t size)
{
	struct pollfd wait = { .fd = socket, .events = POLLIN };
	long ready = rawcall3(SYS_poll, (long)&wait, 1, ANSWER_WAIT_MS);

	if (ready <= 0)
		return ready < 0 ? ready : -ETIMEDOUT;
	return rawcall6(SYS_recvfrom, socket, (long)to, (long)size, MSG_DONTWAIT, 0, 0);
}

/* Sends the listener to the supervisor, with a call that the filter lets pass. */
static void send_listener(int socket, int listener)
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

	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.header), &listener, sizeof(listener));
	rawcall3(SYS_sendmsg, socket, (long)&message, SUPERVISED_SEND_FLAGS);
}

const char supervised_late[] = "the supervisor did not answer in time";

static uint64_t hash_identity(uint64_t hash, const char *path)
{
	struct stat status = { 0 };

	rawcall4(SYS_newfstatat, AT_FDCWD, (long)path, (long)&status, 0);
	hash = fp_directory_id(
		hash ^ status.st_dev, (const char *)&status.st_ino, sizeof(status.st_ino));
	return hash;
}

unsigned supervised_address(
	struct sockaddr_un *ret, const char *const *settings, const char *library)
{
	char *at = ret->sun_path + 1;
	char *end = ret->sun_path + sizeof(ret->sun_path);
	uint64_t hash =
		fp_directory_id(0, FOOTPRINT_VERSION_STRING, sizeof(FOOTPRINT_VERSION_STRING));

	for (; *settings; settings++)
		hash = fp_directory_id(hash, *settings, text_length(*settings));
	if (library)
		hash = fp_directory_id(hash, library, text_length(library));
	hash = hash_identity(hash, "/");
	hash = hash_identity(hash, "/proc/self/ns/pid");
	hash = hash_identity(hash, "/proc/self/ns/mnt");
	ret->sun_family = AF_UNIX;
	ret->sun_path[0] = '\0';
	at = text_append(at, end, "footprint-supervise/");
	at = text_append_number(at, end, (uint64_t)rawcall3(SYS_geteuid, 0, 0, 0));
	at = text_append_number(text_append(at, end, "/"), end, hash);
	return (unsigned)(at - (char *)ret);
}

const char *supervised_refused(const char *wish, bool *ret_no_new_privileges)
{
	bool allowed = wish && text_equal(wish, "1");

	if (wish && text_equal(wish, "0"))
		return "turned off by FOOTPRINT_SUPERVISE=0";
	if (supervised_filter_permitted(allowed, ret_no_new_privileges) < 0)
		return "its set-uid programs would lose their privileges (FOOTPRINT_SUPERVISE=1 "
		       "says that it runs none)";
	return NULL;
}

static const char *why_not_ready(long got, const struct supervised_answer *answer)
{
	if (got == -ETIMEDOUT)
		return supervised_late;
	if (got != (long)sizeof(*answer))
		return "the supervisor ended";
	if (answer->error == -EPERM || answer->error == -EACCES)
		return "the supervisor may not read its memory";
	if (answer->error == -ENOSYS)
		return "the kernel cannot go on with a call that was announced (Linux 5.5)";
	return answer->error ? "the supervisor cannot work here" : NULL;
}

/* Once the filter is installed it cannot be removed. So the listener is sent at once, whatever
 * happens then. If the supervisor's word takes longer than we wait, the next call waits instead,
 * but is made. */
static const char *install(int socket, void *room, bool no_new_privileges)
{
	int listener = supervised_filter_install(room, no_new_privileges);
	char word;

	if (listener == -EBUSY)
		return "a program above it listens to its system calls already";
	if (listener < 0)
		return "no filter for system calls may be installed";
	send_listener(socket, listener);
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
