#define _GNU_SOURCE
#include "supervise/roots.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "preload/image.h"
#include "preload/rawcall.h"
#include "preload/record/facts.h"
#include "preload/root.h"
#include "supervise/target.h"

/* A directory, and the mount on which a path has found it. */
struct found {
	uint64_t device, inode;
	uint64_t mount; /* 0: not known (before Linux 5.8) */
};

static bool find(const char *path, struct found *ret)
{
	struct statx status;
	struct stat file;

	if (rawcall6(SYS_statx, AT_FDCWD, (long)path, AT_NO_AUTOMOUNT, STATX_INO | STATX_MNT_ID,
		    (long)&status, 0) == 0) {
		*ret = (struct found){ root_device(&status), status.stx_ino,
			status.stx_mask & STATX_MNT_ID ? status.stx_mnt_id : 0 };
		return true;
	}
	/* A container's seccomp filter may be older than statx. */
	if (rawcall4(SYS_newfstatat, AT_FDCWD, (long)path, (long)&file, AT_NO_AUTOMOUNT) < 0)
		return false;
	*ret = (struct found){ file.st_dev, file.st_ino, 0 };
	return true;
}

/* Does this path of ours lead to the root of the process? */
static bool leads_to_root(const char *path, int pid)
{
	char name[TARGET_NAME_SIZE];
	struct found ours, other;

	target_name(name, pid, "root", -1);
	return find(path, &ours) && find(name, &other) && ours.device == other.device &&
	       ours.inode == other.inode && ours.mount == other.mount;
}

bool roots_differ(int pid)
{
	return !leads_to_root("/", pid);
}

uint64_t roots_id(int pid)
{
	char path[FP_PATH_SIZE_MAX];
	struct place place;

	if (target_link(pid, "root", -1, path, sizeof(path)) <= 0 || !leads_to_root(path, pid))
		return FP_DIRECTORY_UNKNOWABLE;
	if (!path[1])
		return 0;
	image.root = 0;
	return place_find_from(&place, 0, path) ? fact_root(&place) : FP_DIRECTORY_UNKNOWABLE;
}
