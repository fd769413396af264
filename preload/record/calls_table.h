/*
 * The rows of calls_table.c: which arguments of a system call say what it is about. A header of its
 * own for those who read the arguments in another process's memory: the supervisor and its filter.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_CALLS_TABLE_H
#define FOOTPRINT_PRELOAD_RECORD_CALLS_TABLE_H

#include <stdint.h>
#include "proto/system_calls.h"

#define CALL_COUNT 470 /* rows: numbers from here on mean nothing to us */

/* What a row makes of its call. Those from BEFOREHAND on need call_before(). */
enum meaning {
	NOTHING,
	PATH,	      /* one path, used as `access` says */
	TWO_PATHS,    /* a rename or link: `to_*` is the second name */
	OPEN,	      /* path and O_* flags */
	CREATE,	      /* creat: an open whose flags are implied */
	OPEN_HOW,     /* openat2: the flags stand in a struct open_how */
	WATCH,	      /* inotify_add_watch */
	SEND,	      /* sendto */
	SEND_MESSAGE, /* sendmsg */
	SEND_SEVERAL, /* sendmmsg */
	UNSHARE,
	CLOSE,
	CLOSE_RANGE,
	COPY,	   /* dup */
	COPY_HIGH, /* fcntl with F_DUPFD */
	RING,	   /* io_uring_setup */
	HANDLE,	   /* open_by_handle_at: what is opened has no name */

	BEFOREHAND,
	EXECUTE = BEFOREHAND, /* execve, execveat: recorded before, taken back if it returns */
	ADDRESS,	      /* connect, bind: descriptor, address, size; a connect may wait */
	DIRECTORY,	      /* chdir, fchdir */
	ROOT,	 /* chroot, pivot_root: paths, and the working directory may be another one */
	ENTER,	 /* setns: the same, where it leads to another namespace of mounts */
	FILTER,	 /* prctl, seccomp: a filter that may forbid our calls */
	COPY_TO, /* dup2, dup3: our descriptor moves out of the way */
	SUBMIT,	 /* io_uring_enter: what goes through the ring has no call of its own */
	END,	 /* exit_group: recorded before */
	FORK,
	CLONE,	/* flags in the first argument */
	CLONE3, /* flags in a struct clone_args */
};

/* Which argument holds something; NONE: the call has no such thing. */
enum argument { NONE, FIRST, SECOND, THIRD, FOURTH, FIFTH };

struct call {
	uint8_t means;	   /* enum meaning */
	uint8_t directory; /* enum argument; NONE: the working directory */
	uint8_t path;
	uint8_t flags;	   /* holds AT_SYMLINK_FOLLOW or AT_SYMLINK_NOFOLLOW; or O_*, CLONE_* */
	uint8_t no_follow; /* 1: does not follow a symlink at the end, unless the flags say so */
	uint8_t room;	   /* size of readlink's buffer, which is the argument before it */
	uint8_t to_directory;
	uint8_t to_path;
	uint16_t access;
	uint16_t to_access;
};

extern const struct call call_table[CALL_COUNT] __attribute__((visibility("hidden")));

/* The row of a number. For a number without one, that of read(2), which means NOTHING. */
static inline const struct call *call_of(long number)
{
	return &call_table[(unsigned long)number < CALL_COUNT ? number : SYS_read];
}

#endif
