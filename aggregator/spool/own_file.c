#include "aggregator/spool/own_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/log.h"
#include "lib/base/cleanup.h"

static bool is_ours(const struct stat *status)
{
	return S_ISREG(status->st_mode) && status->st_uid == geteuid() && status->st_nlink == 1;
}

/* Opening it was refused: because it belongs to somebody else? Root may be refused, too:
 * fs.protected_regular forbids opening the files of others with O_CREAT in a directory where
 * everybody may write. */
static bool is_foreign(int directory, const char *name)
{
	struct stat status;

	return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && !is_ours(&status);
}

/* 0: it is open in *ret; -EPERM: there is something that is not ours. */
static int open_own(int directory, const char *name, int flags, int *ret)
{
	autoclose int fd = openat(
		directory, name, O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, 0600);
	struct stat status;

	if (fd < 0 && (errno == ELOOP || errno == EISDIR || errno == ENXIO))
		return -EPERM;
	if (fd < 0 && errno == EACCES)
		return is_foreign(directory, name) ? -EPERM : -EACCES;
	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!is_ours(&status))
		return -EPERM;
	*ret = steal_fd(&fd);
	return 0;
}

int own_file_rename(int directory, const char *from, const char *to)
{
	if (renameat2(directory, from, directory, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	/* Some file systems have no RENAME_NOREPLACE (NFS, 9p). There, a file that appears under
	 * that name in between is lost. */
	if (faccessat(directory, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	return renameat(directory, from, directory, to) < 0 ? -errno : 0;
}

/* Everybody may make files in the spool. Nothing is deleted, since an aggregator of another user
 * may have left it. */
static int put_aside(int directory, const char *name)
{
	char aside[64];
	uint32_t number;
	int r;

	/* A random name, which nobody can have taken. */
	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
		return -EAGAIN;
	snprintf(aside, sizeof(aside), "%s.foreign-%08x", name, number);
	r = own_file_rename(directory, name, aside);
	if (r < 0)
		return r;
	log_trouble("%s is not ours: renamed to %s", name, aside);
	return 0;
}

int own_file_open(int directory, const char *name, int flags)
{
	int fd = -1, r;

	/* Without O_TRUNC, because it might turn out to belong to somebody else. */
	r = open_own(directory, name, flags & ~O_TRUNC, &fd);
	if (r == -EPERM && put_aside(directory, name) == 0)
		r = open_own(directory, name, flags & ~O_TRUNC, &fd);
	if (r == 0 && flags & O_TRUNC && ftruncate(fd, 0) < 0) {
		r = -errno;
		close(fd);
	}
	return r < 0 ? r : fd;
}

/* Not opened for writing, since that would keep the file system from being remounted read-only. */
int own_file_lock(int directory, const char *name, int *ret)
{
	autoclose int fd = own_file_open(directory, name, O_RDONLY);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return -EADDRINUSE;
	*ret = fd >= 0 ? steal_fd(&fd) : -1;
	return 0;
}
