#define _GNU_SOURCE
#include "preload/record/calls_process.h"

#include <errno.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "preload/hooks/symbols.h"
#include "preload/image.h"
#include "preload/programs/filters.h"
#include "preload/record/arguments.h"
#include "preload/record/facts.h"
#include "preload/record/pointers.h"
#include "preload/record/recorder.h"
#include "preload/record/rings.h"

/* --- root and directory ----------------------------------------------------------------------- */

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
	if (second_path_was_read(second, error))
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

/* --- descriptors ------------------------------------------------------------------------------ */

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

static void ring_gap(void)
{
	record_gap("io-uring", NULL, "files or addresses may be used through an io_uring");
}

/* --- processes -------------------------------------------------------------------------------- */

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

/* --- filters ---------------------------------------------------------------------------------- */

static bool installs_filter(long number, const long arguments[6])
{
	int operation = int_in(arguments, FIRST);

	if (number == SYS_prctl)
		return operation == PR_SET_SECCOMP;
	return operation == SECCOMP_SET_MODE_FILTER || operation == SECCOMP_SET_MODE_STRICT;
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

/* --- both ------------------------------------------------------------------------------------- */

uint64_t process_call_before(long number, const struct call *call, const long arguments[6])
{
	uint64_t ticket = 0;

	switch (call->means) {
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

void process_call_after(
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
