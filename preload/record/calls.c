#define _GNU_SOURCE

#include "preload/record/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "preload/hooks/symbols.h"
#include "preload/image.h"
#include "preload/programs/filters.h"
#include "preload/programs/supervised.h"
#include "preload/rawcall.h"
#include "preload/record/calls_table.h"
#include "preload/record/facts.h"
#include "preload/record/pointers.h"
#include "preload/record/recorder.h"
#include "preload/record/rings.h"
#include "preload/text.h"

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1u << 1)
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1u << 2)
#endif
#define IN_DONT_FOLLOW 0x02000000 /* linux/inotify.h; its header clashes with fcntl.h */

/* Arguments are numbered from 1 (enum argument); each is read as the type that the kernel reads it
 * as. */
static int descriptor_in(const long arguments[6], unsigned which)
{
	return which == NONE ? AT_FDCWD : (int)arguments[which - 1];
}

static const char *path_in(const long arguments[6], unsigned which)
{
	return which == NONE ? NULL : (const char *)arguments[which - 1];
}

/* The kernel ignores the upper half of a register that holds an int. */
static int int_in(const long arguments[6], unsigned which)
{
	return (int)arguments[which - 1];
}

static unsigned flags_in(const long arguments[6], unsigned which)
{
	return which == NONE ? 0 : (unsigned)arguments[which - 1];
}

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

/* The second name of a call that failed may never have been read: link("/none", bad pointer)
 * answers ENOENT. Where that cannot be found out, the application comes first. */
static bool second_is_readable(const char *path, int error)
{
	return !error || !path ||
	       (!image.memory_only && symbol_text_readable(path, FP_PATH_SIZE_MAX));
}

static void two_paths(const struct call *call, const long arguments[6], int error)
{
	const char *second = path_in(arguments, call->to_path);

	one_path(call, arguments, error);
	if (second_is_readable(second, error))
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

static void root_changed(const struct call *call, const long arguments[6], uint64_t from, int error)
{
	const char *second = path_in(arguments, call->to_path);

	/* First of all: what is recorded below may need a new segment, whose hello must not send
	 * the new root. */
	if (error)
		record_root_stays();
	else
		record_root_left();
	if (error)
		record_root_kept();
	record_path_from(from, ACCESS_CHECK, path_in(arguments, call->path), error);
	if (second_is_readable(second, error))
		record_path_from(from, ACCESS_CHECK, second, error);
	if (error)
		return;
	/* pivot_root makes a mount the root, and no path that we know leads to what is below it. */
	if (call->to_path)
		record_root_entered();
	else
		record_chroot(from, path_in(arguments, call->path));
	record_directory_unknown();
}

static void directory_changed(
	const struct call *call, const long arguments[6], uint64_t from, int error)
{
	if (call->path)
		record_chdir(from, path_in(arguments, call->path), error);
	else
		record_fchdir(descriptor_in(arguments, call->directory), error);
}

/* For a new mount or user namespace, the kernel also gives the thread a working directory of its
 * own. A process of one thread has one anyway. Its directories stay where they are, and the kernel
 * would not say where those of the namespace before are: "(unreachable)/tmp". */
static void unshared(const long arguments[6])
{
	if (arguments[0] & CLONE_NEWNS)
		record_mounts_apart();
	if (record_is_alone())
		return;
	if (arguments[0] & (CLONE_FS | CLONE_NEWNS | CLONE_NEWUSER))
		record_directory_each_thread();
	if (arguments[0] & CLONE_FILES)
		record_descriptors_each_thread();
}

/* Joining another mount namespace changes the root. A type of 0 allows any kind of namespace, so
 * that may be one of mounts. */
static void entered(const long arguments[6], uint64_t root, int error)
{
	int type = int_in(arguments, SECOND);

	if (error || (type && !(type & CLONE_NEWNS))) {
		record_root_kept();
		return;
	}
	record_root_left();
	record_root_may_be_entered(root);
	record_directory_unknown();
}

static void range_closed(const long arguments[6], int error)
{
	if (!error && (unsigned)arguments[2] & CLOSE_RANGE_UNSHARE)
		record_descriptors_each_thread();
	if (!error && !((unsigned)arguments[2] & CLOSE_RANGE_CLOEXEC))
		record_fd_range_closed((unsigned)arguments[0], (unsigned)arguments[1]);
}

static void copied(const long arguments[6], long result, int error)
{
	if (!error)
		record_fd_copied((int)arguments[0], (int)result);
}

/* Can this word be read, before the kernel has looked at it? (It may be unaligned, so that its last
 * byte is on another page.) Behind a filter that cannot be found out, and is assumed. */
static bool may_read(const void *word)
{
	const char *last = (const char *)word + sizeof(uint64_t) - 1;

	return image.memory_only ? word != NULL : symbol_readable(word) && symbol_readable(last);
}

/* The flags of clone3. CLONE_VM, so that it counts as no fork, if its arguments cannot be read. */
static uint64_t clone3_flags(const long arguments[6])
{
	const struct clone_args *given = (const void *)arguments[0];

	return arguments[1] >= (long)sizeof(given->flags) && may_read(given)
		       ? given->flags
		       : CLONE_VM | CLONE_VFORK;
}

/* The flags with which clone would do the same as this call. */
static uint64_t process_flags(const struct call *call, const long arguments[6])
{
	switch (call->means) {
	case CLONE:
		return call->flags ? (uint64_t)arguments[0] : CLONE_VM | CLONE_VFORK;
	case CLONE3:
		return clone3_flags(arguments);
	default:
		return 0;
	}
}

/* Does the new process have memory of its own? If not, it is a thread or a vfork child, and shares
 * all that we remember. */
static bool is_fork(const struct call *call, const long arguments[6])
{
	return !(process_flags(call, arguments) & CLONE_VM);
}

bool call_shares_memory(long number, const long arguments[6])
{
	return !is_fork(call_of(number), arguments);
}

static bool is_vfork(const struct call *call, const long arguments[6])
{
	return process_flags(call, arguments) & CLONE_VFORK;
}

static void process_begins(const struct call *call, const long arguments[6])
{
	uint64_t flags = process_flags(call, arguments);

	record_clone_begins(flags);
	if (!(flags & CLONE_VM))
		record_fork_begin();
}

static void process_made(const struct call *call, const long arguments[6], long result, int error)
{
	if (is_fork(call, arguments)) {
		record_fork_end(error ? -1 : result);
		if (!error && !result && process_flags(call, arguments) & CLONE_NEWNS)
			record_mounts_apart();
	} else if (!error && result && is_vfork(call, arguments))
		record_vfork_end();
}

static bool installs_filter(long number, const long arguments[6])
{
	int operation = int_in(arguments, FIRST);

	if (number == SYS_prctl)
		return operation == PR_SET_SECCOMP;
	return operation == SECCOMP_SET_MODE_FILTER || operation == SECCOMP_SET_MODE_STRICT;
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

static bool is_strict(long number, const long arguments[6])
{
	return number == SYS_prctl ? arguments[1] == SECCOMP_MODE_STRICT
				   : arguments[0] == SECCOMP_SET_MODE_STRICT;
}

/* The filter program that the call installs. NULL: there is none, in strict mode, or where
 * libseccomp only asks what the kernel can do. */
static const void *filter_of(long number, const long arguments[6])
{
	return is_strict(number, arguments) ? NULL : (const void *)arguments[2];
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

static int error_of(long result)
{
	return rawcall_failed(result) ? (int)-result : 0;
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

static void ring_gap(void)
{
	record_gap("io-uring", NULL, "files or addresses may be used through an io_uring");
}

uint64_t call_before(long number, const long arguments[6])
{
	const struct call *call = call_of(number);
	uint64_t ticket = 0;

	switch (call->means) {
	case PATH:
		ticket = path_begins(number, call, arguments);
		break;
	case EXECUTE:
		ticket = execute_begins(number, call, arguments);
		break;
	case ADDRESS:
		if (call->access == ENDPOINT_CONNECT)
			record_connect_begins((int)arguments[0], (const void *)arguments[1],
				(unsigned)arguments[2]);
		break;
	case ROOT:
		record_root_begin();
		record_root_leaves();
		ticket = record_directory();
		break;
	case DIRECTORY:
		ticket = call->path ? record_directory() : 0;
		record_move();
		break;
	case ENTER:
		ticket = record_root();
		record_root_leaves();
		break;
	case FILTER:
		if (installs_filter(number, arguments))
			record_filter_begins(
				is_strict(number, arguments) || filter_of(number, arguments));
		break;
	case SUBMIT:
		if ((unsigned)arguments[1] && ring_uses_names((int)arguments[0]))
			ring_gap();
		break;
	case END:
		record_end();
		break;
	case FORK:
	case CLONE:
	case CLONE3:
		process_begins(call, arguments);
		break;
	case COPY_TO:
		if ((int)arguments[1] >= 0 && (int)arguments[1] == record_descriptor())
			record_descriptor_yield((int)arguments[1], (int)arguments[0]);
		break;
	default:
		break;
	}
	return ticket;
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

/* The calls that change what the process is, what it holds or what it may do. */
static void process_changed(
	long number, const struct call *call, const long arguments[6], long result, uint64_t ticket)
{
	int error = error_of(result);

	switch (call->means) {
	case DIRECTORY:
		directory_changed(call, arguments, ticket, error);
		break;
	case ROOT:
		root_changed(call, arguments, ticket, error);
		break;
	case UNSHARE:
		if (!error)
			unshared(arguments);
		break;
	case ENTER:
		entered(arguments, ticket, error);
		break;
	case CLOSE_RANGE:
		range_closed(arguments, error);
		break;
	case COPY:
	case COPY_TO:
		copied(arguments, result, error);
		break;
	case COPY_HIGH:
		if (int_in(arguments, SECOND) == F_DUPFD ||
			int_in(arguments, SECOND) == F_DUPFD_CLOEXEC)
			copied(arguments, result, error);
		break;
	case FORK:
	case CLONE:
	case CLONE3:
		process_made(call, arguments, result, error);
		break;
	case FILTER:
		if (!error && installs_filter(number, arguments))
			filter_installed(filter_of(number, arguments));
		break;
	case RING:
		if (!error && !ring_made((int)result, (const void *)arguments[1]))
			ring_gap();
		break;
	case HANDLE:
		if (!error)
			record_gap("unresolved", NULL, "a file was opened by its handle");
		break;
	}
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
		process_changed(number, call, arguments, result, ticket);
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
