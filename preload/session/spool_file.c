#define _GNU_SOURCE
#include "preload/session/spool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "preload/descriptor.h"
#include "preload/image.h"
#include "preload/rawcall.h"
#include "preload/session/connection.h"
#include "preload/session/file_limit.h"
#include "preload/text.h"

#define ATTEMPTS    4  /* the aggregator may rename the file meanwhile */
#define NAMES	    8  /* file names for one uid: users of so many user namespaces may have it */
#define FREE_SHARE  20 /* records leave 1/20 of the file system free */
#define NAME	    "/records."
#define OWN_NAME    "/apart."
#define MODE	    0600
#define FOLDER_MODE 01777 /* everyone's, as /tmp is */

/* The file of a process that has changed its root. It is locked for as long as any process holds
 * it, by which the aggregator sees whether more may come. */
static struct {
	int fd; /* -1: none */
	uint64_t device, inode;
	uint64_t number; /* in its name */
} own DATA_SELDOM = { .fd = -1 };

/* Unlocks first. A child that another thread has forked meanwhile has a copy of the descriptor, and
 * would hold the lock for its whole life. */
void spool_file_close(int *fd)
{
	if (*fd == own.fd)
		*fd = -1;
	if (*fd < 0)
		return;
	rawcall3(SYS_flock, *fd, LOCK_UN, 0);
	fd_close(fd);
}

/* The path of the spool file with this number. 0 or -ENAMETOOLONG. */
static int file_path(char *path, size_t size, const char *name, uint64_t number)
{
	char *end = path + size;
	char *p = text_append(path, end, image.spool_path);

	p = text_append_number(text_append(p, end, name), end, number);
	return p + 1 < end ? 0 : -ENAMETOOLONG;
}

/* Where no aggregator has run there is no folder yet: the first process makes it, for all users. */
static bool make_folder(void)
{
	const char *folder = image.spool_path;
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
	if (!S_ISREG(file.st_mode) || (file.st_uid != uid && fd != own.fd))
		return -EPERM;
	if (!file.st_nlink)
		return -ESTALE;
	return file_may_reach((uint64_t)file.st_size + size) ? 0 : -EFBIG;
}

/* After an open that was refused: was that because the name is taken by another user's file? Whose
 * it is does not say that: in a user namespace, all users that it does not map look the same. */
static bool is_taken(const char *path)
{
	struct stat file;

	return rawcall4(SYS_newfstatat, AT_FDCWD, (long)path, (long)&file, AT_SYMLINK_NOFOLLOW) ==
	       0;
}

/* A locked descriptor; -EPERM: the file is another user's. */
static int open_named(const char *path, uint64_t size)
{
	int error = 0;

	for (int attempt = 0; !error && attempt < ATTEMPTS; attempt++) {
		int fd SPOOL_FILE_CLEANUP = (int)rawcall4(SYS_openat, AT_FDCWD, (long)path,
			O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, MODE);

		if (fd == -ENOENT && make_folder())
			continue;
		if (fd == -EACCES && is_taken(path))
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

static size_t path_size(void)
{
	return text_length(image.spool_path) + sizeof(NAME) + TEXT_NUMBER_SIZE;
}

/* --- a file of its own ------------------------------------------------------------------------ */

/* Is it still there? The program may have closed it, and opened another one. */
static bool is_held(void)
{
	struct stat file;

	return own.fd >= 0 && rawcall3(SYS_fstat, own.fd, (long)&file, 0) == 0 &&
	       file.st_dev == own.device && file.st_ino == own.inode;
}

/* False: the aggregator has seen the file before it was locked, and took it for one that nobody
 * holds. */
static bool lock_own(int fd, struct stat *ret)
{
	return rawcall3(SYS_flock, fd, LOCK_SH | LOCK_NB, 0) == 0 &&
	       rawcall3(SYS_fstat, fd, (long)ret, 0) == 0 && ret->st_nlink;
}

/* Makes one. A locked descriptor, or a negative errno. */
static int make_own(char *path, size_t size, struct stat *ret)
{
	int error = -EAGAIN;

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		int fd;

		own.number = image_time() << 16 ^ (uint64_t)image.pid;
		error = file_path(path, size, OWN_NAME, own.number);
		if (error < 0)
			break;
		fd = (int)rawcall4(SYS_openat, AT_FDCWD, (long)path,
			O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK |
				O_CLOEXEC,
			MODE);
		if (fd >= 0 && lock_own(fd, ret))
			return fd;
		error = fd < 0 ? fd : -EAGAIN;
		if (fd < 0 && (fd != -ENOENT || !make_folder()))
			break;
		fd_close(&fd);
	}
	return error;
}

void spool_file_hold(void)
{
	size_t size = path_size();
	struct stat file;
	int low;

	if (is_held())
		return;
	own.fd = -1;
	low = make_own(__builtin_alloca(size), size, &file);
	if (low < 0)
		return;
	own.device = file.st_dev;
	own.inode = file.st_ino;
	own.fd = (int)connection_copy_high(low);
	fd_close(&low);
}

void spool_file_let_go(void)
{
	size_t size = path_size();
	char *path = __builtin_alloca(size);

	if (is_held() && file_path(path, size, OWN_NAME, own.number) == 0)
		rawcall3(SYS_unlink, (long)path, 0, 0);
	if (is_held())
		rawcall3(SYS_close, own.fd, 0, 0);
	own.fd = -1;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Several names are tried, because containers with user namespaces of their own share the spool,
 * and each has a user 0. */
int spool_file_open(uint64_t size)
{
	unsigned uid = (unsigned)rawcall3(SYS_geteuid, 0, 0, 0);
	size_t size_of_path = path_size();
	char *path = __builtin_alloca(size_of_path); /* may be a signal handler's stack */
	int fd = -EPERM;

	if (is_held())
		return (fd = spool_file_takes(own.fd, size)) < 0 ? fd : own.fd;
	for (uint64_t name = 0; fd == -EPERM && name < NAMES; name++) {
		int error = file_path(path, size_of_path, NAME, name << 32 | uid);

		fd = error < 0 ? error : open_named(path, size);
	}
	return fd;
}

int spool_file_open_for_records(uint64_t size)
{
	int fd = spool_file_open(size);
	int error = fd < 0 ? 0 : spool_file_has_space(fd);

	if (error < 0)
		spool_file_close(&fd);
	return error < 0 ? error : fd;
}
