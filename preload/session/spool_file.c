#define _GNU_SOURCE
#include "preload/session/spool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "preload/descriptor.h"
#include "preload/rawcall.h"
#include "preload/session/file_limit.h"
#include "preload/text.h"

#define ATTEMPTS    4  /* the aggregator may rename the file meanwhile */
#define NAMES	    8  /* file names for one uid: users of so many user namespaces may have it */
#define FREE_SHARE  20 /* records leave 1/20 of the file system free */
#define NAME	    "/records."
#define MODE	    0600
#define FOLDER_MODE 01777 /* everyone's, as /tmp is */

/* Unlocks first. A child that another thread has forked meanwhile has a copy of the descriptor, and
 * would hold the lock for its whole life. */
void spool_file_close(int *fd)
{
	if (*fd < 0)
		return;
	rawcall3(SYS_flock, *fd, LOCK_UN, 0);
	fd_close(fd);
}

/* The path of the spool file with this number. 0 or -ENAMETOOLONG. */
static int file_path(struct segment *first, char *path, size_t size, uint64_t number)
{
	const char *folder = (const char *)first + first->spool_path;
	char *end = path + size;
	char *p = text_append(path, end, folder);

	p = text_append_number(text_append(p, end, NAME), end, number);
	return p + 1 < end ? 0 : -ENAMETOOLONG;
}

/* Where no aggregator has run there is no folder yet: the first process makes it, for all users. */
static bool make_folder(struct segment *first)
{
	const char *folder = (const char *)first + first->spool_path;
	long error = rawcall3(SYS_mkdir, (long)folder, FOLDER_MODE, 0);

	if (error == -EEXIST)
		return true;
	return !error && !rawcall3(SYS_chmod, (long)folder, FOLDER_MODE, 0); /* past the umask */
}

int spool_file_has_space(int fd)
{
	struct statfs system;
	long error = rawcall3(SYS_fstatfs, fd, (long)&system, 0);

	if (error < 0)
		return (int)error;
	return system.f_bavail < system.f_blocks / FREE_SHARE ? -ENOSPC : 0;
}

int spool_file_takes(int fd, uint64_t size)
{
	unsigned uid = (unsigned)rawcall3(SYS_geteuid, 0, 0, 0);
	struct stat file;
	long error = rawcall3(SYS_fstat, fd, (long)&file, 0);

	if (error < 0)
		return (int)error;
	if (!S_ISREG(file.st_mode) || file.st_uid != uid)
		return -EPERM;
	if (!file.st_nlink)
		return -ESTALE;
	return file_may_reach((uint64_t)file.st_size + size) ? 0 : -EFBIG;
}

/* After an open that was refused: was that because the name is taken by another user's file? */
static bool is_others(const char *path, unsigned uid)
{
	struct stat file;

	return rawcall4(SYS_newfstatat, AT_FDCWD, (long)path, (long)&file, AT_SYMLINK_NOFOLLOW) ==
		       0 &&
	       file.st_uid != uid;
}

/* A locked descriptor; -EPERM: the file is another user's. */
static int open_named(struct segment *first, const char *path, uint64_t size, unsigned uid)
{
	int error = 0;

	for (int attempt = 0; !error && attempt < ATTEMPTS; attempt++) {
		int fd SPOOL_FILE_CLEANUP = (int)rawcall4(SYS_openat, AT_FDCWD, (long)path,
			O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, MODE);

		if (fd == -ENOENT && make_folder(first))
			continue;
		if (fd == -EACCES && is_others(path, uid))
			return -EPERM;
		if (fd < 0)
			return fd;
		/* Somebody holds it exclusively: the aggregator has renamed it and is reading. */
		if (rawcall3(SYS_flock, fd, LOCK_SH | LOCK_NB, 0) < 0)
			continue;
		error = spool_file_takes(fd, size);
		if (error == -ESTALE) {
			error = 0;
			continue;
		}
		if (!error) {
			int locked = fd;

			fd = -1;
			return locked;
		}
	}
	return error ? error : -EAGAIN;
}

/* Several names are tried, because containers with user namespaces of their own share the spool,
 * and each has a user 0. */
int spool_file_open(struct segment *first, uint64_t size)
{
	unsigned uid = (unsigned)rawcall3(SYS_geteuid, 0, 0, 0);
	size_t size_of_path = text_length((const char *)first + first->spool_path) + sizeof(NAME) +
			      TEXT_NUMBER_SIZE;
	char *path = __builtin_alloca(size_of_path); /* may be a signal handler's stack */
	int fd = -EPERM;

	for (uint64_t name = 0; fd == -EPERM && name < NAMES; name++) {
		int error = file_path(first, path, size_of_path, name << 32 | uid);

		fd = error < 0 ? error : open_named(first, path, size, uid);
	}
	return fd;
}

int spool_file_open_for_records(struct segment *first, uint64_t size)
{
	int fd = spool_file_open(first, size);
	int error = fd < 0 ? 0 : spool_file_has_space(fd);

	if (error < 0)
		spool_file_close(&fd);
	return error < 0 ? error : fd;
}
