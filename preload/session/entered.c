#define _GNU_SOURCE
#include "preload/session/entered.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "preload/descriptor.h"
#include "preload/image.h"
#include "preload/mapping.h"
#include "preload/rawcall.h"
#include "preload/root.h"
#include "preload/session/connection.h"
#include "preload/session/file_limit.h"
#include "preload/session/session.h"

#define MEMFD_NAME "footprint-mounts"
#define PROCESS	   "/proc/thread-self" /* Linux 3.17 */
#define PIECE_SIZE 1024		       /* bytes of a table that are copied at once */
/* What is no number of a prefix: those have up to 32 bits. */
#define ID_BIT (1ull << 32)

/* Between entered_prepare() and the end of the call. */
static struct {
	int process;	/* the thread's folder in /proc; -1: there is no /proc */
	int tables;	/* a memfd with the table of mounts before the call; -1: none */
	uint64_t size;	/* bytes in it */
	uint64_t mount; /* what "/" was on; 0: not known */
	uint32_t at_tick;
} prepared DATA_SELDOM = { .process = -1, .tables = -1 };

/* The table of mounts, as seen from the root that this process has entered: open as long as it may
 * leave that for another one, when there may be no /proc. (A file, not the folder: whoever takes
 * the program over does not get out by it.) The program may close it, and open another file. */
static struct {
	int fd; /* -1: none */
	uint64_t device, inode;
} here DATA_SELDOM = { .fd = -1 };

static bool is_here(void)
{
	struct stat file;

	return here.fd >= 0 && rawcall3(SYS_fstat, here.fd, (long)&file, 0) == 0 &&
	       file.st_dev == here.device && file.st_ino == here.inode;
}

static void hold(int space)
{
	struct stat file = { 0 };

	if (is_here())
		rawcall3(SYS_close, here.fd, 0, 0);
	here.fd = space < 0 ? -1 : (int)connection_copy_high(space);
	rawcall3(SYS_fstat, here.fd, (long)&file, 0);
	here.device = file.st_dev;
	here.inode = file.st_ino;
}

/* The table of mounts, as seen from "/". A descriptor; negative: there is none. */
static int open_table(void)
{
	if (prepared.process >= 0)
		return (int)rawcall4(
			SYS_openat, prepared.process, (long)"mountinfo", O_RDONLY | O_CLOEXEC, 0);
	return (int)rawcall4(
		SYS_openat, AT_FDCWD, (long)PROCESS "/mountinfo", O_RDONLY | O_CLOEXEC, 0);
}

/* Copies a table to the end of the others. False: not all of it. */
static bool copy_table(int table)
{
	uint64_t at = 0, room = FP_MOUNTS_SIZE_MAX - 1 - prepared.size;
	char piece[PIECE_SIZE];
	long n = -1;

	while (table >= 0 && at + PIECE_SIZE <= room) {
		n = rawcall4(SYS_pread64, table, (long)piece, sizeof(piece), (long)at);
		if (n <= 0 || rawcall3(SYS_write, prepared.tables, (long)piece, n) != n)
			break;
		at += (uint64_t)n;
	}
	prepared.size += n == 0 ? at : 0;
	return n == 0;
}

/* Adds a table, ended by a NUL. One that cannot be copied whole is empty. */
static void add_table(int table)
{
	if (prepared.tables < 0)
		return;
	if (!copy_table(table))
		rawcall3(SYS_lseek, prepared.tables, (long)prepared.size, 0 /* SEEK_SET */);
	rawcall3(SYS_write, prepared.tables, (long)"", 1);
	prepared.size++;
	rawcall3(SYS_ftruncate, prepared.tables, (long)prepared.size, 0);
}

static uint64_t mount_of_root(struct statx *ret)
{
	return root_look(ret) && ret->stx_mask & STATX_MNT_ID ? ret->stx_mnt_id : 0;
}

void entered_forget(void)
{
	fd_close(&prepared.process);
	fd_close(&prepared.tables);
}

void entered_prepare(void)
{
	int table CLEANUP_FD = -1;
	struct statx root;

	entered_forget();
	prepared.mount = mount_of_root(&root);
	prepared.at_tick = fp_tick();
	if (image.descriptor < 0 || !file_may_reach(FP_MOUNTS_SIZE_MAX))
		return;
	prepared.process = (int)rawcall4(
		SYS_openat, AT_FDCWD, (long)PROCESS, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	prepared.tables = (int)rawcall3(SYS_memfd_create, (long)MEMFD_NAME, MFD_CLOEXEC, 0);
	prepared.size = 0;
	table = is_here() ? -1 : open_table();
	add_table(table < 0 && is_here() ? here.fd : table);
}

bool entered_is_mount(void)
{
	struct statx root;
	uint64_t mount = prepared.tables < 0 || !prepared.mount ? 0 : mount_of_root(&root);

	return mount && mount != prepared.mount && root.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

/* While the aggregator holds a root, no other one has its mount's id. So a process that goes to and
 * fro records nothing twice. (Before Linux 5.8, the time tells roots apart.) */
static uint64_t id_of_root(void)
{
	struct statx root;
	uint64_t mount = mount_of_root(&root);

	return seen_step(root_identity(), mount ? mount : image_time()) | ID_BIT;
}

uint64_t entered_tell(uint64_t from, bool everyone)
{
	int root CLEANUP_FD =
		(int)rawcall4(SYS_openat, AT_FDCWD, (long)"/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	int space CLEANUP_FD = open_table();
	int fds[CONNECTION_FDS_MAX] = { root, prepared.tables, space };
	const struct root_change change = {
		.from = from, .id = id_of_root(), .everyone = everyone, .at_tick = prepared.at_tick
	};
	long error = -EBADF;

	add_table(space);
	if (root >= 0)
		error = session_tell_root(&change, fds,
			prepared.tables < 0 ? 1
			: space < 0	    ? 2
					    : 3);
	entered_forget();
	hold(space);
	if (error)
		image_log("the aggregator could not be told of another root", error);
	return error ? 0 : change.id;
}
