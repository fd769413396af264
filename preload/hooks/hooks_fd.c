#define _GNU_SOURCE

#include "preload/hooks/hooks_fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "preload/hooks/hooks.h"
#include "preload/rawcall.h"
#include "preload/record/recorder.h"
#include "preload/text.h"
#include "proto/system_calls.h"

/* Not in every libc's headers. */
extern void closefrom(int first);
extern int posix_close(int fd, int flags);
extern int __close(int fd);
extern int __close_nocancel(int fd);
extern int __dup2(int from, int to);
extern int __fcntl(int fd, int command, ...);
extern int __libc_fcntl64(int fd, int command, ...);
extern int _IO_fclose(FILE *file);

bool descriptor_is_ours(int fd)
{
	if (!record_descriptor_is(fd))
		return false;
	*__errno_location() = EBADF;
	return true;
}

/* The descriptor is forgotten before it is closed: afterwards, another thread may have its number
 * already. */
#define CLOSE(name, parameters, arguments)                                                         \
	FP_EXPORT int name parameters                                                              \
	{                                                                                          \
		REAL(name);                                                                        \
		if (descriptor_is_ours(fd))                                                        \
			return -1;                                                                 \
		record_fd_closed(fd);                                                              \
		return real_##name ? real_##name arguments : (int)hook_missing();                  \
	}

CLOSE(close, (int fd), (fd))
CLOSE(__close, (int fd), (fd))
CLOSE(__close_nocancel, (int fd), (fd))
CLOSE(posix_close, (int fd, int flags), (fd, flags))

FP_EXPORT int closedir(DIR *directory)
{
	REAL(closedir);
	static void *slot;
	int (*real_dirfd)(DIR *) = hook_real(&slot, "dirfd");

	if (!real_closedir)
		return (int)hook_missing();
	if (hook_given(directory) && real_dirfd)
		record_fd_closed(real_dirfd(directory));
	return real_closedir(directory);
}

/* fopen opens directories too, for reading. */
static void stream_closes(FILE *file)
{
	static void *slot;
	int (*real_fileno)(FILE *) = hook_real(&slot, "fileno_unlocked");
	int error = *__errno_location();

	if (real_fileno)
		record_fd_closed(real_fileno(file));
	*__errno_location() = error; /* EBADF for a stream without a descriptor */
}

#define CLOSE_STREAM(name)                                                                         \
	FP_EXPORT int name(FILE *file)                                                             \
	{                                                                                          \
		REAL(name);                                                                        \
		stream_closes(file);                                                               \
		return real_##name ? real_##name(file) : (int)hook_missing();                      \
	}

CLOSE_STREAM(fclose)
CLOSE_STREAM(_IO_fclose)

/* Our descriptor if it is among these; else -1. */
static int ours_among(unsigned first, unsigned last)
{
	int ours = record_descriptor();

	if (ours < 0 || (unsigned)ours < first || (unsigned)ours > last)
		return -1;
	return record_descriptor_is(ours) ? ours : -1;
}

/* One part of a range, unless it is empty. */
static int close_part(
	int (*real)(unsigned, unsigned, int), unsigned first, unsigned last, int flags)
{
	int result = first <= last ? real(first, last, flags) : 0;

	if (!result && first <= last)
		record_fd_range_closed(first, last);
	return result;
}

static int close_range_by_number(unsigned first, unsigned last, int flags)
{
	return (int)hook_real_syscall()(SYS_close_range, first, last, flags);
}

/* Our descriptor is close-on-exec already, and a bad range or flag is for the kernel to refuse.
 * With CLOSE_RANGE_UNSHARE, the first part makes the table our own, which does no harm to the
 * second. */
FP_EXPORT int close_range(unsigned first, unsigned last, int flags)
{
	REAL(close_range);
	int ours;

	if (!real_close_range)
		real_close_range = close_range_by_number;
	if ((unsigned)flags & CLOSE_RANGE_UNSHARE)
		record_descriptors_each_thread();
	if ((unsigned)flags & ~CLOSE_RANGE_UNSHARE || first > last)
		return real_close_range(first, last, flags);
	ours = ours_among(first, last);
	if (ours < 0)
		return close_part(real_close_range, first, last, flags);
	if ((unsigned)ours > first &&
		close_part(real_close_range, first, (unsigned)ours - 1, flags) < 0)
		return -1;
	return close_part(real_close_range, (unsigned)ours + 1, last, flags);
}

/* Where the kernel or this libc has no close_range: one by one, as a program would. */
static void close_each(unsigned first, unsigned last)
{
	for (unsigned fd = first; fd < last; fd++)
		close((int)fd);
}

static unsigned descriptor_limit(void)
{
	struct rlimit64 limit = { 0, 0 };

	rawcall4(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit);
	return limit.rlim_cur < INT_MAX ? (unsigned)limit.rlim_cur : INT_MAX;
}

/* A libc may lack it (musl does), and a program that asks whether it is there finds ours. */
FP_EXPORT void closefrom(int first)
{
	REAL(closefrom);
	unsigned from = first < 0 ? 0 : (unsigned)first;
	int ours = ours_among(from, UINT_MAX);

	if (real_closefrom && ours < 0) {
		record_fd_range_closed(from, UINT_MAX);
		real_closefrom(first);
	} else if (real_closefrom) {
		if (from < (unsigned)ours && close_range(from, (unsigned)ours - 1, 0) < 0)
			close_each(from, (unsigned)ours);
		record_fd_range_closed((unsigned)ours + 1, UINT_MAX);
		real_closefrom(ours + 1);
	} else if (close_range(from, UINT_MAX, 0) < 0) {
		close_each(from, descriptor_limit());
	}
}

/* A copy of a directory's descriptor names the same directory. */
static int copied(int from, int to)
{
	if (to >= 0)
		record_fd_copied(from, to);
	return to;
}

FP_EXPORT int dup(int fd)
{
	REAL(dup);

	if (descriptor_is_ours(fd))
		return -1;
	return copied(fd, real_dup ? real_dup(fd) : (int)hook_missing());
}

/* The application wants the number of our descriptor: moves that away, if `from` is open at all. */
static void make_way(int from, int to)
{
	if (to >= 0 && to != from && to == record_descriptor())
		record_descriptor_yield(to, from);
}

#define DUP_TO(name, parameters, arguments)                                                        \
	FP_EXPORT int name parameters                                                              \
	{                                                                                          \
		REAL(name);                                                                        \
		if (descriptor_is_ours(from))                                                      \
			return -1;                                                                 \
		make_way(from, to);                                                                \
		return copied(from, real_##name ? real_##name arguments : (int)hook_missing());    \
	}

DUP_TO(dup2, (int from, int to), (from, to))
DUP_TO(__dup2, (int from, int to), (from, to))
DUP_TO(dup3, (int from, int to, int flags), (from, to, flags))

/* How programs find out which descriptors they have. */
#define FSTAT(name, parameters, arguments)                                                         \
	extern int name parameters;                                                                \
	FP_EXPORT int name parameters                                                              \
	{                                                                                          \
		REAL(name);                                                                        \
		if (descriptor_is_ours(fd))                                                        \
			return -1;                                                                 \
		return real_##name ? real_##name arguments : (int)hook_missing();                  \
	}

FSTAT(fstat, (int fd, struct stat *status), (fd, status))
FSTAT(fstat64, (int fd, struct stat64 *status), (fd, status))
FSTAT(__fstat64, (int fd, struct stat64 *status), (fd, status))
FSTAT(__fxstat, (int version, int fd, struct stat *status), (version, fd, status))
FSTAT(__fxstat64, (int version, int fd, struct stat64 *status), (version, fd, status))

/* In /proc/self/fd descriptors are symlinks with numbers for names. */
static bool entry_is_ours(DIR *directory, const char *name, unsigned char type)
{
	static void *slot;
	int (*real_dirfd)(DIR *) = hook_real(&slot, "dirfd");

	return type == DT_LNK && *name >= '0' && *name <= '9' && real_dirfd &&
	       record_descriptor_is_at(real_dirfd(directory), name);
}

#define READDIR(name, entry_type)                                                                  \
	FP_EXPORT struct entry_type *name(DIR *directory)                                          \
	{                                                                                          \
		REAL(name);                                                                        \
		struct entry_type *entry;                                                          \
		do                                                                                 \
			entry = real_##name ? real_##name(directory) : (hook_missing(), NULL);     \
		while (entry && entry_is_ours(directory, entry->d_name, entry->d_type));           \
		return entry;                                                                      \
	}

READDIR(readdir, dirent)
READDIR(readdir64, dirent64)

/* Deprecated since glibc 2.24. */
#define READDIR_R(name, entry_type)                                                                \
	extern int next_##name(DIR *, struct entry_type *, struct entry_type **) __asm__(#name);   \
	FP_EXPORT int next_##name(                                                                 \
		DIR *directory, struct entry_type *room, struct entry_type **result)               \
	{                                                                                          \
		static void *slot;                                                                 \
		__typeof__(&next_##name) real = hook_real(&slot, #name);                           \
		int error;                                                                         \
		do                                                                                 \
			error = real ? real(directory, room, result) : ENOSYS;                     \
		while (!error && *result &&                                                        \
			entry_is_ours(directory, (*result)->d_name, (*result)->d_type));           \
		return error;                                                                      \
	}

READDIR_R(readdir_r, dirent)
READDIR_R(readdir64_r, dirent64)

static int control(int (*real)(int, int, ...), int fd, int command, void *argument)
{
	int result;

	if (descriptor_is_ours(fd))
		return -1;
	result = real ? real(fd, command, argument) : (int)hook_missing();
	if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
		copied(fd, result);
	return result;
}

/* Most commands take no argument or an int; all of them fit the register a pointer comes in. */
#define FCNTL(name)                                                                                \
	FP_EXPORT int name(int fd, int command, ...)                                               \
	{                                                                                          \
		REAL(name);                                                                        \
		va_list list;                                                                      \
		va_start(list, command);                                                           \
		void *argument = va_arg(list, void *);                                             \
		va_end(list);                                                                      \
		return control(real_##name, fd, command, argument);                                \
	}

FCNTL(fcntl)
FCNTL(fcntl64)
FCNTL(__fcntl)
FCNTL(__libc_fcntl64)

static void descriptor_came(const char *bytes)
{
	int fd;

	memcpy(&fd, bytes, sizeof(fd));
	record_fd_closed(fd);
}

/* A descriptor that comes by a socket may have a number of which we remember a directory, if that
 * was closed inside libc. */
static void descriptors_came(const struct msghdr *message)
{
	const char *at = message->msg_control;
	size_t left = at ? message->msg_controllen : 0, step, end;
	struct cmsghdr head;

	for (; left >= sizeof(head); at += step, left -= step) {
		memcpy(&head, at, sizeof(head));
		step = CMSG_ALIGN(head.cmsg_len);
		if (head.cmsg_len < sizeof(head) || step > left)
			step = left;
		end = head.cmsg_level == SOL_SOCKET && head.cmsg_type == SCM_RIGHTS ? head.cmsg_len
										    : 0;
		for (size_t i = sizeof(head); i + sizeof(int) <= end && i + sizeof(int) <= left;
			i += sizeof(int))
			descriptor_came(at + i);
	}
}

FP_EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	REAL(recvmsg);
	ssize_t size = real_recvmsg ? real_recvmsg(fd, message, flags) : hook_missing();

	if (size >= 0)
		descriptors_came(message);
	return size;
}

FP_EXPORT int recvmmsg(
	int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
	REAL(recvmmsg);
	int came = real_recvmmsg ? real_recvmmsg(fd, messages, count, flags, timeout)
				 : (int)hook_missing();

	for (int i = 0; i < came; i++)
		descriptors_came(&messages[i].msg_hdr);
	return came;
}
