#define _GNU_SOURCE
#include "supervise/outcome.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "preload/rawcall.h"
#include "preload/record/recorder.h"
#include "preload/text.h"
#include "proto/session_memory.h"
#include "supervise/interp.h"
#include "supervise/permission.h"

#define EXECUTE_BITS   0111
#define IN_DONT_FOLLOW 0x02000000 /* linux/inotify.h; its header clashes with fcntl.h */
#define SCRIPTS_MAX    5	  /* interpreters in a chain, as in the kernel */
#define ENTRIES_SIZE   512	  /* room for more than "." and ".." */

enum follow { FOLLOW, STAY };

static long open_below(const struct spot *spot, unsigned flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC,
		.resolve = spot->resolve ? spot->resolve : RESOLVE_IN_ROOT };

	return rawcall4(SYS_openat2, spot->fd, (long)spot->path, (long)&how, sizeof(how));
}

/* 0 or the errno. */
static int look(const struct spot *spot, enum follow follow, struct stat *ret)
{
	int flags = AT_NO_AUTOMOUNT | (follow == STAY ? AT_SYMLINK_NOFOLLOW : 0);
	long fd, result;

	if (!spot->below)
		return (int)-rawcall4(SYS_newfstatat, spot->fd, (long)spot->path, (long)ret, flags);
	fd = open_below(spot, O_PATH | (follow == STAY ? O_NOFOLLOW : 0));
	if (fd < 0)
		return (int)-fd;
	result = rawcall3(SYS_fstat, fd, (long)ret, 0);
	rawcall3(SYS_close, fd, 0, 0);
	return (int)-result;
}

/* May it be used so (R_OK ...)? 0 or the errno. */
static int permitted(const struct spot *spot, int mode)
{
	long fd, result;

	if (!spot->below)
		return (int)-permission_look(spot->fd, spot->path, mode);
	fd = open_below(spot, O_PATH);
	if (fd < 0)
		return (int)-fd;
	result = rawcall4(SYS_faccessat2, fd, (long)"", mode, AT_EACCESS | AT_EMPTY_PATH);
	rawcall3(SYS_close, fd, 0, 0);
	return (int)-result;
}

/* The directory that would hold the name; its path is written to `path`. */
static struct spot parent_of(const struct spot *spot, char path[FP_PATH_SIZE_MAX])
{
	size_t size = text_length_limited(spot->path, FP_PATH_SIZE_MAX - 1);

	while (size > 1 && spot->path[size - 1] == '/')
		size--;
	while (size && spot->path[size - 1] != '/')
		size--;
	memcpy(path, spot->path, size);
	path[size] = '\0';
	if (!size)
		text_append(path, path + FP_PATH_SIZE_MAX, ".");
	return (struct spot){ spot->fd, path, spot->below, spot->resolve };
}

/* May a name be made or removed in the directory that would hold it? */
static int parent_permits(const struct spot *spot)
{
	char path[FP_PATH_SIZE_MAX];
	struct spot parent = parent_of(spot, path);

	return permitted(&parent, W_OK | X_OK);
}

static int making(const struct spot *spot)
{
	struct stat status;
	int error = look(spot, STAY, &status);

	if (!error)
		return EEXIST;
	return error == ENOENT ? parent_permits(spot) : error;
}

static int opening_new(const struct spot *spot, int flags)
{
	struct stat status;

	if (flags & O_EXCL || look(spot, STAY, &status))
		return making(spot);
	return 0; /* a link to where the file will be */
}

static int opening_mode(const struct stat *status, int flags)
{
	int wanted = (flags & O_ACCMODE) == O_RDONLY ? R_OK : W_OK;

	if ((flags & O_ACCMODE) == O_RDWR)
		wanted = R_OK | W_OK;
	/* What everyone may read need not be asked for. */
	if (wanted == R_OK && (status->st_mode & 0444) == 0444 && !(flags & O_TRUNC))
		return 0;
	return flags & O_TRUNC ? wanted | W_OK : wanted;
}

static int opening(const struct spot *spot, int flags)
{
	enum follow follow =
		flags & O_NOFOLLOW || (flags & O_CREAT && flags & O_EXCL) ? STAY : FOLLOW;
	bool temporary = (flags & O_TMPFILE) == O_TMPFILE;
	struct stat status;
	int error = look(spot, follow, &status);
	int mode;

	if (error == ENOENT && flags & O_CREAT && !(flags & O_PATH))
		return opening_new(spot, flags);
	if (error)
		return error;
	if (flags & O_DIRECTORY && !S_ISDIR(status.st_mode))
		return ENOTDIR;
	if (flags & O_PATH)
		return 0;
	if (flags & O_CREAT && flags & O_EXCL)
		return EEXIST;
	if (S_ISLNK(status.st_mode))
		return ELOOP;
	if (S_ISSOCK(status.st_mode))
		return ENXIO;
	if (S_ISDIR(status.st_mode) && !temporary &&
		(flags & (O_CREAT | O_TRUNC) || (flags & O_ACCMODE) != O_RDONLY))
		return EISDIR;
	mode = opening_mode(&status, flags);
	return mode ? permitted(spot, mode) : 0;
}

/* Is there anything in it? */
static bool is_empty(const struct spot *spot)
{
	char entries[ENTRIES_SIZE] __attribute__((aligned(8)));
	const unsigned flags = O_RDONLY | O_DIRECTORY;
	long fd = spot->below
			  ? open_below(spot, flags)
			  : rawcall4(SYS_openat, spot->fd, (long)spot->path, flags | O_CLOEXEC, 0);
	unsigned count = 0;
	long size;

	if (fd < 0)
		return true; /* the call will say */
	size = rawcall3(SYS_getdents64, fd, (long)entries, sizeof(entries));
	for (long at = 0; at < size; count++)
		at += *(unsigned short *)(void *)(entries + at + 16);
	rawcall3(SYS_close, fd, 0, 0);
	return count <= 2;
}

static int removing(const struct spot *spot, long number, const long arguments[6])
{
	bool directory =
		number == SYS_rmdir || (number == SYS_unlinkat && arguments[2] & AT_REMOVEDIR);
	struct stat status;
	int error = look(spot, STAY, &status);

	if (error)
		return error;
	error = parent_permits(spot);
	if (error)
		return error;
	if (!directory)
		return S_ISDIR(status.st_mode) ? EISDIR : 0;
	if (!S_ISDIR(status.st_mode))
		return ENOTDIR;
	return is_empty(spot) ? 0 : ENOTEMPTY;
}

/* Owner and mode are the owner's to change, and root's. */
static int changing(const struct spot *spot, enum follow follow)
{
	unsigned user = (unsigned)rawcall3(SYS_setfsuid, -1, 0, 0); /* the caller's (rights.h) */
	struct stat status;
	int error = look(spot, follow, &status);

	if (error || !user || status.st_uid == user)
		return error;
	return permitted(spot, W_OK) ? EACCES : EPERM;
}

static int writing(const struct spot *spot)
{
	struct stat status;
	int error = look(spot, FOLLOW, &status);

	if (error)
		return error;
	return S_ISDIR(status.st_mode) ? EISDIR : permitted(spot, W_OK);
}

static int checking(const struct spot *spot, long number, enum follow follow)
{
	struct stat status;
	int error = look(spot, follow, &status);

	if (!error && (number == SYS_readlink || number == SYS_readlinkat) &&
		!S_ISLNK(status.st_mode))
		return EINVAL;
	return error;
}

static bool stays(const struct call *call, const long arguments[6])
{
	unsigned flags = call->flags == NONE ? 0 : (unsigned)arguments[call->flags - 1];

	return call->no_follow ? !(flags & AT_SYMLINK_FOLLOW) : flags & AT_SYMLINK_NOFOLLOW;
}

static int one_path(
	const struct call *call, long number, const long arguments[6], const struct spot *from)
{
	enum follow follow = stays(call, arguments) ? STAY : FOLLOW;

	if (call->access & ACCESS_CREATE)
		return making(from);
	if (call->access & ACCESS_DELETE)
		return removing(from, number, arguments);
	if (call->access & ACCESS_METADATA)
		return changing(from, follow);
	if (call->access & ACCESS_WRITE)
		return writing(from);
	return checking(from, number, follow);
}

/* The mount that the name is on. 0: it cannot be found out (before Linux 5.8). */
static uint64_t mount_of(const struct spot *spot, enum follow follow)
{
	int flags = AT_NO_AUTOMOUNT | AT_EMPTY_PATH | (follow == STAY ? AT_SYMLINK_NOFOLLOW : 0);
	struct statx status;
	long fd = -1, error;

	if (spot->below) {
		fd = open_below(spot, O_PATH | (follow == STAY ? O_NOFOLLOW : 0));
		if (fd < 0)
			return 0;
	}
	error = rawcall6(SYS_statx, spot->below ? fd : spot->fd,
		(long)(spot->below ? "" : spot->path), flags, STATX_MNT_ID, (long)&status, 0);
	if (fd >= 0)
		rawcall3(SYS_close, fd, 0, 0);
	return !error && status.stx_mask & STATX_MNT_ID ? status.stx_mnt_id : 0;
}

/* Is it a rename or a link from one mount to another? The kernel looks at that first. */
static bool crosses(
	const struct call *call, enum follow follow, const struct spot *from, const struct spot *to)
{
	char from_path[FP_PATH_SIZE_MAX], to_path[FP_PATH_SIZE_MAX];
	struct spot from_parent = parent_of(from, from_path), to_parent = parent_of(to, to_path);
	bool links = call->access & ACCESS_METADATA;
	uint64_t one, other;

	if (!(call->to_access & ACCESS_CREATE))
		return false;
	one = links ? mount_of(from, follow) : mount_of(&from_parent, FOLLOW);
	other = mount_of(&to_parent, FOLLOW);
	return one && other && one != other;
}

static int two_paths(const struct call *call, long number, const long arguments[6],
	const struct spot *from, const struct spot *to)
{
	bool keeps = call->access & ACCESS_METADATA || /* a link */
		     (number == SYS_renameat2 && arguments[4] & RENAME_NOREPLACE);
	enum follow follow = stays(call, arguments) ? STAY : FOLLOW;
	struct stat status;
	int error;

	if (crosses(call, follow, from, to))
		return EXDEV;
	error = look(from, follow, &status);
	if (error)
		return error;
	if (call->access & ACCESS_DELETE && (error = parent_permits(from)) != 0)
		return error;
	if (call->access & ACCESS_METADATA && S_ISDIR(status.st_mode))
		return EPERM;
	error = look(to, STAY, &status);
	if (!error && keeps)
		return EEXIST;
	return error && error != ENOENT ? error : parent_permits(to);
}

static int executing(const struct spot *spot, unsigned depth);

/* Is there what the kernel needs beside the file? An interpreter that is named relative to the
 * caller's directory is not looked at. */
static int interpreting(const struct spot *spot, unsigned depth)
{
	const unsigned flags = O_RDONLY | O_NONBLOCK;
	char path[FP_PATH_SIZE_MAX];
	struct spot interpreter = { spot->below ? spot->fd : AT_FDCWD, path, spot->below, 0 };
	int size, error;
	long fd = spot->below
			  ? open_below(spot, flags)
			  : rawcall4(SYS_openat, spot->fd, (long)spot->path, flags | O_CLOEXEC, 0);

	if (fd < 0)
		return 0; /* executable and not readable: the kernel may know it */
	size = interpreter_of((int)fd, path);
	rawcall3(SYS_close, fd, 0, 0);
	if (size <= 0 || *path != '/')
		return size < 0 ? -size : 0;
	if (depth == SCRIPTS_MAX)
		return ELOOP;
	error = executing(&interpreter, depth + 1);
	/* The kernel answers ENOENT, which would say that the file itself is missing. */
	return error == ENOENT || error == ENOTDIR ? ENOEXEC : error;
}

static int executing(const struct spot *spot, unsigned depth)
{
	struct stat status;
	int error = look(spot, FOLLOW, &status);

	if (error)
		return error;
	if (!S_ISREG(status.st_mode) || !(status.st_mode & EXECUTE_BITS))
		return EACCES;
	error = permitted(spot, X_OK);
	return error ? error : interpreting(spot, depth);
}

static int addressing(const struct call *call, const struct spot *from)
{
	struct stat status;
	int error;

	if (!from->path)
		return 0;
	if (call->access == ENDPOINT_BIND) {
		error = making(from);
		return error == EEXIST ? EADDRINUSE : error;
	}
	error = look(from, FOLLOW, &status);
	if (error)
		return error;
	return S_ISSOCK(status.st_mode) ? permitted(from, W_OK) : ECONNREFUSED;
}

static int going(const struct spot *from)
{
	struct stat status;
	int error = look(from, FOLLOW, &status);

	if (error)
		return error;
	return S_ISDIR(status.st_mode) ? permitted(from, X_OK) : ENOTDIR;
}

int outcome_predict(const struct call *call, long number, const long arguments[6], int flags,
	const struct spot *from, const struct spot *to)
{
	switch (call->means) {
	case ADDRESS:
	case SEND:
		return addressing(call, from);
	case UNSHARE:
	case ENTER:
	case RING:
	case HANDLE:
		return 0;
	default:
		break;
	}
	if (!from->path || (!*from->path && call->means != EXECUTE))
		return 0; /* names nothing, and is not recorded */
	switch (call->means) {
	case PATH:
		return one_path(call, number, arguments, from);
	case TWO_PATHS:
		return to->path ? two_paths(call, number, arguments, from, to) : EFAULT;
	case OPEN:
	case CREATE:
	case OPEN_HOW:
		return opening(from, flags);
	case EXECUTE:
		return executing(from, 0);
	case DIRECTORY:
	case ROOT:
		return going(from);
	case WATCH:
		return checking(from, number, arguments[2] & IN_DONT_FOLLOW ? STAY : FOLLOW);
	default:
		return checking(from, number, FOLLOW);
	}
}
