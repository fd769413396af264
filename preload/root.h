/* Which directory "/" is: its device, inode and time of birth. (Inode numbers are used again.) */
#ifndef FOOTPRINT_PRELOAD_ROOT_H
#define FOOTPRINT_PRELOAD_ROOT_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "preload/rawcall.h"
#include "preload/record/seen.h"

/* Asks statx for "/". False: the kernel does not answer. Since Linux 5.8 it also tells the mount's
 * id (then the mask has STATX_MNT_ID). */
static inline bool root_look(struct statx *ret)
{
	return rawcall6(SYS_statx, AT_FDCWD, (long)"/", AT_NO_AUTOMOUNT, STATX_INO | STATX_MNT_ID,
		       (long)ret, 0) == 0;
}

/* As st_dev has it (makedev(3), which libc may have as a function only). */
static inline uint64_t root_device(const struct statx *root)
{
	uint64_t major = root->stx_dev_major, minor = root->stx_dev_minor;

	return (major & 0xfffff000) << 32 | (major & 0xfff) << 8 | (minor & 0xffffff00) << 12 |
	       (minor & 0xff);
}

/* A hash that tells this root from another one, for this process only. 0: the kernel does not
 * answer. */
static inline uint64_t root_identity(void)
{
	struct statx root;

	if (!root_look(&root))
		return 0;
	return seen_step(seen_step(SEEN_START, root_device(&root)), root.stx_ino);
}

/* The root as a hello describes it. */
struct root_name {
	uint64_t device, inode;
	uint64_t birth_ns; /* nanoseconds since the epoch; 0: not known */
};

/* The same of a descriptor of the root. False: the kernel does not answer. */
static inline bool root_name(int root, struct root_name *ret)
{
	struct statx status;
	struct stat file;

	if (rawcall6(SYS_statx, root, (long)"", AT_EMPTY_PATH | AT_NO_AUTOMOUNT,
		    STATX_INO | STATX_BTIME, (long)&status, 0) == 0) {
		*ret = (struct root_name){
			.device = root_device(&status),
			.inode = status.stx_ino,
			.birth_ns = status.stx_mask & STATX_BTIME
					    ? (uint64_t)status.stx_btime.tv_sec * 1000000000 +
						      status.stx_btime.tv_nsec
					    : 0,
		};
		return true;
	}
	/* A container's seccomp filter may be older than statx. */
	if (rawcall3(SYS_fstat, root, (long)&file, 0) < 0)
		return false;
	*ret = (struct root_name){ .device = file.st_dev, .inode = file.st_ino };
	return true;
}

#endif
