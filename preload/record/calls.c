#define _GNU_SOURCE

#include "preload/record/calls.h"

#include <errno.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "preload/image.h"
#include "preload/programs/supervised.h"
#include "preload/record/arguments.h"
#include "preload/record/calls_process.h"
#include "preload/record/facts.h"
#include "preload/record/pointers.h"
#include "preload/record/recorder.h"
#include "preload/text.h"

#define IN_DONT_FOLLOW 0x02000000 /* linux/inotify.h; its header clashes with fcntl.h */

static unsigned follow_bit(const struct call *call, const long arguments[6])
{
	unsigned flags = flags_in(arguments, call->flags);
	bool stays =
		call->no_follow ? !(flags & AT_SYMLINK_FOLLOW) : (flags & AT_SYMLINK_NOFOLLOW) != 0;

	return stays ? ACCESS_NO_FOLLOW : 0;
}

/* Did the kernel certainly read the structure that an argument points to? Only then do we, too. */
static bool structure_read(long argument, size_t size, int error)
{
	switch (error) {
	case EFAULT:
	case EBADF:
	case EINVAL:
	case E2BIG:
	case ENOSYS:
	case ENOTSOCK:
	case EINTR:
	case ENOMEM:
	case EMFILE:
	case ENFILE:
		return false;
	default:
		return !error || structure_was_read((const void *)argument, size, error);
	}
}

/* Did readlink fail with EINVAL because the name is no symlink? Then the name is there. */
static bool is_no_link(const struct call *call, const long arguments[6], int error)
{
	return error == EINVAL && call->room != NONE && (int)arguments[call->room - 1] > 0;
}

/* The ticket of a call whose path was recorded before it. */
#define RECORDED 1u

/* Is the path in the room for readlink's answer? POSIX does not allow that, but it works. */
static bool overwrites_path(const struct call *call, const long arguments[6])
{
	unsigned long room = (unsigned long)arguments[call->room - 2];
	unsigned long path = (unsigned long)arguments[call->path - 1];

	return path - room < (unsigned)arguments[call->room - 1];
}

static void one_path(const struct call *call, const long arguments[6], int error)
{
	if (is_no_link(call, arguments, error))
		error = 0;
	record_path(call->access | follow_bit(call, arguments),
		descriptor_in(arguments, call->directory), path_in(arguments, call->path), error);
}

static void two_paths(const struct call *call, const long arguments[6], int error)
{
	const char *second = path_in(arguments, call->to_path);

	one_path(call, arguments, error);
	if (second_path_was_read(second, error))
		record_path(call->to_access | ACCESS_NO_FOLLOW,
			descriptor_in(arguments, call->to_directory), second, error);
}

static void opened(const struct call *call, const long arguments[6], int flags, int fd, int error)
{
	record_open(descriptor_in(arguments, call->directory), path_in(arguments, call->path),
		flags, fd, error);
}

/* openat2: RESOLVE_IN_ROOT makes the directory the root, so that "/x" is relative to it. */
static void opened_how(const struct call *call, const long arguments[6], int fd, int error)
{
	const struct open_how *how = (const struct open_how *)arguments[2];
	const char *path = path_in(arguments, call->path);

	if (!structure_read(arguments[2], sizeof(*how), error))
		return;
	/* The path leads out of the tree that RESOLVE_* confines it to; what is there was not
	 * looked at. */
	if (how->resolve && (error == EXDEV || error == EAGAIN))
		return;
	if (how->resolve & RESOLVE_IN_ROOT)
		path = place_below_root(path);
	record_open(descriptor_in(arguments, call->directory), path, (int)how->flags, fd, error);
}

static void watched(const struct call *call, const long arguments[6], int error)
{
	unsigned no_follow = flags_in(arguments, THIRD) & IN_DONT_FOLLOW ? ACCESS_NO_FOLLOW : 0;

	record_path(call->access | no_follow, AT_FDCWD, path_in(arguments, call->path), error);
}

static void send_message(const struct msghdr *message, int error)
{
	if (message->msg_name)
		record_address(ENDPOINT_SEND, message->msg_name, message->msg_namelen, error);
}

/* sendmmsg returns how many messages were sent. If it fails, it was the first message that
 * failed. */
static void send_several(const struct mmsghdr *messages, long result, int error)
{
	long count = error ? 1 : result;

	for (long i = 0; i < count; i++)
		send_message(&messages[i].msg_hdr, error);
}

/* The exec failed: takes back what was recorded before it. */
static void execute_failed(
	const struct call *call, const long arguments[6], uint64_t ticket, int error)
{
	if (ticket != EXEC_WILL_FAIL) {
		record_hand_back();
		record_goodbye_undo();
	}
	record_exec_failed(ticket, descriptor_in(arguments, call->directory),
		path_in(arguments, call->path), error);
}

static uint64_t execute_begins(long number, const struct call *call, const long arguments[6])
{
	int directory = descriptor_in(arguments, call->directory);
	const char *path = path_in(arguments, call->path);
	int flags = (int)flags_in(arguments, call->flags);
	enum program_glance glance = supervised_is_expected(path)
					     ? GLANCE_DYNAMIC
					     : supervised_glance(directory, path, flags);
	uint64_t ticket = record_exec_begin(directory, path, glance);
	enum program_kind kind = glance == GLANCE_DYNAMIC ? PROGRAM_DYNAMIC : PROGRAM_UNKNOWN;

	if (ticket == EXEC_WILL_FAIL)
		return ticket;
	if (glance == GLANCE_MAY_BE)
		kind = supervised_exec(directory, path, flags);
	record_goodbye();
	record_hand_on(
		kind == PROGRAM_DYNAMIC, (char *const *)arguments[number == SYS_execve ? 2 : 3]);
	return ticket;
}

/* If the path is about to be overwritten, records it with the answer that the kernel would give
 * now. */
static uint64_t path_begins(long number, const struct call *call, const long arguments[6])
{
	long answer = 0, words[4];
	char room;

	if (call->room == NONE || !overwrites_path(call, arguments))
		return 0;
	memcpy(words, arguments, sizeof(words));
	words[call->room - 2] = (long)&room;
	words[call->room - 1] = sizeof(room);
	if (!image.memory_only)
		answer = rawcall4(number, words[0], words[1], words[2], words[3]);
	one_path(call, arguments, error_of(answer));
	return RECORDED;
}

uint64_t call_before(long number, const long arguments[6])
{
	const struct call *call = call_of(number);

	switch (call->means) {
	case PATH:
		return path_begins(number, call, arguments);
	case EXECUTE:
		return execute_begins(number, call, arguments);
	case ADDRESS:
		if (call->access == ENDPOINT_CONNECT)
			record_connect_begins((int)arguments[0], (const void *)arguments[1],
				(unsigned)arguments[2]);
		return 0;
	default:
		return process_call_before(number, call, arguments);
	}
}

bool call_is_known(long number, const long arguments[6], long result)
{
	const struct call *call = call_of(number);
	int error = error_of(result);

	return call->means == OPEN &&
	       record_open_is_known(descriptor_in(arguments, call->directory),
		       path_in(arguments, call->path), (int)flags_in(arguments, call->flags),
		       error ? -1 : (int)result, error);
}

/* Not inlined, so that the usual calls do not pay for the registers that this needs. */
static __attribute__((noinline)) void unusual_after(
	long number, const long arguments[6], long result, uint64_t ticket)
{
	const struct call *call = call_of(number);
	int error = error_of(result);
	int fd = error ? -1 : (int)result;

	switch (call->means) {
	case TWO_PATHS:
		two_paths(call, arguments, error);
		break;
	case CREATE:
		opened(call, arguments, O_CREAT | O_WRONLY | O_TRUNC, fd, error);
		break;
	case OPEN_HOW:
		opened_how(call, arguments, fd, error);
		break;
	case WATCH:
		watched(call, arguments, error);
		break;
	case EXECUTE:
		execute_failed(call, arguments, ticket, error);
		break;
	case ADDRESS:
		record_address(
			call->access, (const void *)arguments[1], (unsigned)arguments[2], error);
		break;
	case SEND:
		if (arguments[4])
			record_address(ENDPOINT_SEND, (const void *)arguments[4],
				(unsigned)arguments[5], error);
		break;
	case SEND_MESSAGE:
		if (structure_read(arguments[1], sizeof(struct msghdr), error))
			send_message((const struct msghdr *)arguments[1], error);
		break;
	case SEND_SEVERAL:
		if (structure_read(arguments[1], sizeof(struct mmsghdr), error))
			send_several((const struct mmsghdr *)arguments[1], result, error);
		break;
	default:
		process_call_after(number, call, arguments, result, ticket);
	}
}

void call_after(long number, const long arguments[6], long result, uint64_t ticket)
{
	const struct call *call = call_of(number);

	/* Nearly all calls are one of these three, and comparing is faster than a switch's indirect
	 * jump. */
	if (call->means == PATH) {
		if (ticket != RECORDED)
			one_path(call, arguments, error_of(result));
	} else if (call->means == OPEN) {
		opened(call, arguments, (int)flags_in(arguments, call->flags),
			rawcall_failed(result) ? -1 : (int)result, error_of(result));
	} else if (call->means == CLOSE) {
		record_fd_closed((int)arguments[0]);
	} else {
		unusual_after(number, arguments, result, ticket);
	}
}
