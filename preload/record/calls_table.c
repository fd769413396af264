#define _GNU_SOURCE
#include "preload/record/calls_table.h"

#include "preload/record/recorder.h"

/* Rows of one kind, to be completed with where the path stands. */
#define CHECK	 .means = PATH, .access = ACCESS_CHECK
#define CHANGE	 .means = PATH, .access = ACCESS_METADATA
#define CREATION .means = PATH, .access = ACCESS_CREATE, .no_follow = 1
#define REMOVAL	 .means = PATH, .access = ACCESS_DELETE, .no_follow = 1
#define RENAMING                                                                                   \
	.means = TWO_PATHS, .no_follow = 1, .access = ACCESS_DELETE | ACCESS_RENAME,               \
	.to_access = ACCESS_CREATE | ACCESS_RENAME
#define LINKING                                                                                    \
	.means = TWO_PATHS, .no_follow = 1, .access = ACCESS_METADATA, .to_access = ACCESS_CREATE

/* The table of doc/facts.md, by number. */
const struct call call_table[] = {
	[SYS_open] = { .means = OPEN, .path = FIRST, .flags = SECOND },
	[SYS_openat] = { .means = OPEN, .directory = FIRST, .path = SECOND, .flags = THIRD },
	[SYS_openat2] = { .means = OPEN_HOW, .directory = FIRST, .path = SECOND },
	[SYS_creat] = { .means = CREATE, .path = FIRST },

	[SYS_execve] = { .means = EXECUTE, .path = FIRST },
	[SYS_execveat] = { .means = EXECUTE, .directory = FIRST, .path = SECOND, .flags = FIFTH },

	[SYS_stat] = { CHECK, .path = FIRST },
	[SYS_lstat] = { CHECK, .path = FIRST, .no_follow = 1 },
	[SYS_newfstatat] = { CHECK, .directory = FIRST, .path = SECOND, .flags = FOURTH },
	[SYS_statx] = { CHECK, .directory = FIRST, .path = SECOND, .flags = THIRD },
	[SYS_access] = { CHECK, .path = FIRST },
	[SYS_faccessat] = { CHECK, .directory = FIRST, .path = SECOND },
	[SYS_faccessat2] = { CHECK, .directory = FIRST, .path = SECOND, .flags = FOURTH },
	[SYS_readlink] = { CHECK, .path = FIRST, .room = THIRD, .no_follow = 1 },
	[SYS_readlinkat] = { CHECK, .directory = FIRST, .path = SECOND, .room = FOURTH,
		.no_follow = 1 },
	[SYS_statfs] = { CHECK, .path = FIRST },
	[SYS_getxattr] = { CHECK, .path = FIRST },
	[SYS_lgetxattr] = { CHECK, .path = FIRST, .no_follow = 1 },
	[SYS_getxattrat] = { CHECK, .directory = FIRST, .path = SECOND, .flags = THIRD },
	[SYS_listxattr] = { CHECK, .path = FIRST },
	[SYS_llistxattr] = { CHECK, .path = FIRST, .no_follow = 1 },
	[SYS_listxattrat] = { CHECK, .directory = FIRST, .path = SECOND, .flags = THIRD },
	[SYS_inotify_add_watch] = { .means = WATCH, .path = SECOND, .access = ACCESS_CHECK },
	[SYS_name_to_handle_at] = { CHECK, .directory = FIRST, .path = SECOND, .flags = FIFTH,
		.no_follow = 1 },
	[SYS_file_getattr] = { CHECK, .directory = FIRST, .path = SECOND, .flags = FIFTH },
	[SYS_fanotify_mark] = { CHECK, .directory = FOURTH, .path = FIFTH },
	[SYS_quotactl] = { CHECK, .path = SECOND },
	[SYS_open_by_handle_at] = { .means = HANDLE },

	[SYS_mount] = { CHECK, .path = SECOND },
	[SYS_umount2] = { CHECK, .path = FIRST },
	[SYS_open_tree] = { CHECK, .directory = FIRST, .path = SECOND, .flags = THIRD },
	[SYS_open_tree_attr] = { CHECK, .directory = FIRST, .path = SECOND, .flags = THIRD },
	[SYS_move_mount] = { .means = TWO_PATHS,
		.access = ACCESS_CHECK,
		.to_access = ACCESS_CHECK,
		.no_follow = 1,
		.directory = FIRST,
		.path = SECOND,
		.to_directory = THIRD,
		.to_path = FOURTH },
	[SYS_fspick] = { CHECK, .directory = FIRST, .path = SECOND },
	[SYS_mount_setattr] = { CHECK, .directory = FIRST, .path = SECOND, .flags = THIRD },
	[SYS_swapon] = { .means = PATH, .path = FIRST, .access = ACCESS_READ | ACCESS_WRITE },
	[SYS_swapoff] = { .means = PATH, .path = FIRST, .access = ACCESS_READ | ACCESS_WRITE },
	[SYS_acct] = { .means = PATH, .path = FIRST, .access = ACCESS_WRITE },

	[SYS_chmod] = { CHANGE, .path = FIRST },
	[SYS_fchmodat] = { CHANGE, .directory = FIRST, .path = SECOND },
	[SYS_fchmodat2] = { CHANGE, .directory = FIRST, .path = SECOND, .flags = FOURTH },
	[SYS_chown] = { CHANGE, .path = FIRST },
	[SYS_lchown] = { CHANGE, .path = FIRST, .no_follow = 1 },
	[SYS_fchownat] = { CHANGE, .directory = FIRST, .path = SECOND, .flags = FIFTH },
	[SYS_utime] = { CHANGE, .path = FIRST },
	[SYS_utimes] = { CHANGE, .path = FIRST },
	[SYS_futimesat] = { CHANGE, .directory = FIRST, .path = SECOND },
	[SYS_utimensat] = { CHANGE, .directory = FIRST, .path = SECOND, .flags = FOURTH },
	[SYS_setxattr] = { CHANGE, .path = FIRST },
	[SYS_lsetxattr] = { CHANGE, .path = FIRST, .no_follow = 1 },
	[SYS_setxattrat] = { CHANGE, .directory = FIRST, .path = SECOND, .flags = THIRD },
	[SYS_removexattr] = { CHANGE, .path = FIRST },
	[SYS_lremovexattr] = { CHANGE, .path = FIRST, .no_follow = 1 },
	[SYS_removexattrat] = { CHANGE, .directory = FIRST, .path = SECOND, .flags = THIRD },
	[SYS_file_setattr] = { CHANGE, .directory = FIRST, .path = SECOND, .flags = FIFTH },
	[SYS_truncate] = { .means = PATH, .path = FIRST, .access = ACCESS_WRITE },

	[SYS_rename] = { RENAMING, .path = FIRST, .to_path = SECOND },
	[SYS_renameat] = { RENAMING, .directory = FIRST, .path = SECOND, .to_directory = THIRD,
		.to_path = FOURTH },
	[SYS_renameat2] = { RENAMING, .directory = FIRST, .path = SECOND, .to_directory = THIRD,
		.to_path = FOURTH },
	[SYS_link] = { LINKING, .path = FIRST, .to_path = SECOND },
	[SYS_linkat] = { LINKING, .directory = FIRST, .path = SECOND, .to_directory = THIRD,
		.to_path = FOURTH, .flags = FIFTH },
	[SYS_symlink] = { CREATION, .path = SECOND },
	[SYS_symlinkat] = { CREATION, .directory = SECOND, .path = THIRD },
	[SYS_mkdir] = { CREATION, .path = FIRST },
	[SYS_mkdirat] = { CREATION, .directory = FIRST, .path = SECOND },
	[SYS_mknod] = { CREATION, .path = FIRST },
	[SYS_mknodat] = { CREATION, .directory = FIRST, .path = SECOND },
	[SYS_unlink] = { REMOVAL, .path = FIRST },
	[SYS_unlinkat] = { REMOVAL, .directory = FIRST, .path = SECOND },
	[SYS_rmdir] = { REMOVAL, .path = FIRST },

	[SYS_connect] = { .means = ADDRESS, .access = ENDPOINT_CONNECT },
	[SYS_bind] = { .means = ADDRESS, .access = ENDPOINT_BIND },
	[SYS_sendto] = { .means = SEND },
	[SYS_sendmsg] = { .means = SEND_MESSAGE },
	[SYS_sendmmsg] = { .means = SEND_SEVERAL },

	[SYS_chdir] = { .means = DIRECTORY, .path = FIRST },
	[SYS_fchdir] = { .means = DIRECTORY, .directory = FIRST },
	[SYS_chroot] = { .means = ROOT, .path = FIRST },
	[SYS_pivot_root] = { .means = ROOT, .path = FIRST, .to_path = SECOND },
	[SYS_unshare] = { .means = UNSHARE },
	[SYS_setns] = { .means = ENTER },

	[SYS_close] = { .means = CLOSE },
	[SYS_close_range] = { .means = CLOSE_RANGE },
	[SYS_dup] = { .means = COPY },
	[SYS_dup2] = { .means = COPY_TO },
	[SYS_dup3] = { .means = COPY_TO },
	[SYS_fcntl] = { .means = COPY_HIGH },

	/* SYS_exit ends a thread: when it was the last one, the end of its session says so. */
	[SYS_exit_group] = { .means = END },
	[SYS_fork] = { .means = FORK },
	[SYS_vfork] = { .means = CLONE },
	[SYS_clone] = { .means = CLONE, .flags = FIRST },
	[SYS_clone3] = { .means = CLONE3 },
	[SYS_prctl] = { .means = FILTER },
	[SYS_seccomp] = { .means = FILTER },
	[SYS_io_uring_setup] = { .means = RING },
	[SYS_io_uring_enter] = { .means = SUBMIT },
};

_Static_assert(
	sizeof(call_table) / sizeof(call_table[0]) == CALL_COUNT, "the last row is not the last");

_Static_assert(SYS_read == 0, "the row of read, which means nothing, stands for unknown numbers");
