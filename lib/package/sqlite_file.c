#include "lib/package/sqlite_file.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/root/content.h"

#define VFS_NAME	"footprint-descriptor"
#define STEPS_PER_CHECK 10000 /* of sqlite's virtual machine, between two calls of too_long() */

struct descriptor_file {
	sqlite3_file base; /* must be first: sqlite only knows this part */
	int fd;
};

static int file_fd(sqlite3_file *file)
{
	return ((struct descriptor_file *)file)->fd;
}

static int file_close(sqlite3_file *file)
{
	(void)file; /* the descriptor belongs to the caller */
	return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *buffer, int size, sqlite3_int64 offset)
{
	ssize_t n = content_read_at(file_fd(file), buffer, (size_t)size, (uint64_t)offset);

	if (n < 0)
		return SQLITE_IOERR_READ;
	if (n < size) {
		memset((char *)buffer + n, 0, (size_t)(size - n));
		return SQLITE_IOERR_SHORT_READ;
	}
	return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	struct stat status;

	if (fstat(file_fd(file), &status) < 0)
		return SQLITE_IOERR_FSTAT;
	*ret = status.st_size;
	return SQLITE_OK;
}

static int file_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
	(void)file, (void)bytes, (void)size, (void)offset;
	return SQLITE_READONLY;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	(void)file, (void)size;
	return SQLITE_READONLY;
}

static int file_flag(sqlite3_file *file, int flag)
{
	(void)file, (void)flag;
	return SQLITE_OK;
}

static int file_reserved(sqlite3_file *file, int *ret)
{
	(void)file;
	*ret = 0;
	return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
	(void)file, (void)operation, (void)argument;
	return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *file)
{
	(void)file;
	return 0;
}

/* The file is immutable, so sqlite needs no lock, journal or write-ahead log. */
static int file_traits(sqlite3_file *file)
{
	(void)file;
	return SQLITE_IOCAP_IMMUTABLE;
}

static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_flag,
	.xFileSize = file_size,
	.xLock = file_flag,
	.xUnlock = file_flag,
	.xCheckReservedLock = file_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_traits,
};

/* A file's name is the number of its descriptor. */
static int vfs_open(
	sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	struct descriptor_file *own = (struct descriptor_file *)file;

	(void)vfs;
	own->base.pMethods = NULL;
	if (!name || !(flags & SQLITE_OPEN_MAIN_DB))
		return SQLITE_CANTOPEN;
	own->fd = atoi(name);
	own->base.pMethods = &methods;
	if (ret_flags)
		*ret_flags = SQLITE_OPEN_READONLY;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs, (void)name, (void)sync;
	return SQLITE_IOERR_DELETE;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
	(void)vfs, (void)name, (void)flags;
	*ret = 0;
	return SQLITE_OK;
}

static int vfs_full_name(sqlite3_vfs *vfs, const char *name, int size, char *ret)
{
	(void)vfs;
	sqlite3_snprintf(size, ret, "%s", name);
	return SQLITE_OK;
}

/* Time and randomness come from sqlite's default VFS. */
static sqlite3_vfs vfs;
static int registered = SQLITE_ERROR;

static void register_vfs(void)
{
	const sqlite3_vfs *ordinary = sqlite3_vfs_find(NULL);

	if (!ordinary)
		return;
	vfs = *ordinary;
	vfs.pNext = NULL;
	vfs.zName = VFS_NAME;
	vfs.szOsFile = sizeof(struct descriptor_file);
	vfs.xOpen = vfs_open;
	vfs.xDelete = vfs_delete;
	vfs.xAccess = vfs_access;
	vfs.xFullPathname = vfs_full_name;
	registered = sqlite3_vfs_register(&vfs, 0);
}

static int too_long(void *argument)
{
	unsigned *steps = argument;

	*steps += STEPS_PER_CHECK;
	return *steps > SQLITE_FILE_STEPS_MAX;
}

/* A database that may be hostile: runs no code from it, and limits time and memory. */
static void distrust(sqlite3 *db, int value_max, unsigned *steps)
{
	*steps = 0;
	sqlite3_progress_handler(db, STEPS_PER_CHECK, too_long, steps);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, value_max);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
}

int sqlite_file_open(int fd, int value_max, unsigned *steps, sqlite3 **ret)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	char name[16];
	sqlite3 *db = NULL;

	pthread_once(&once, register_vfs);
	if (registered != SQLITE_OK)
		return -EIO;
	snprintf(name, sizeof(name), "%d", fd);
	if (sqlite3_open_v2(name, &db, SQLITE_OPEN_READONLY, VFS_NAME) != SQLITE_OK) {
		int code = !db || sqlite3_errcode(db) == SQLITE_NOMEM ? -ENOMEM : -EBADMSG;

		sqlite3_close(db);
		return code;
	}
	distrust(db, value_max, steps);
	*ret = db;
	return 0;
}
