/*
 * The recorder: from "a call happened" to a record in the session memory.
 *
 * Hooks (hooks*.c, sites.c) call record_*() after the real call returned, with its outcome; exec
 * hooks call them before. Everything here is safe in signal handlers, after vfork, from any thread,
 * before constructors ran, and in a process that has closed every descriptor: no malloc, no locks,
 * no libc calls, errno kept. A fact that this image has recorded before costs a hash and a probe.
 *
 * The way of a record: record_*() -> seen.c (known already?) -> encode.c (protobuf) -> memory.c
 * (slot in the segment) ... read by the aggregator. session.c tells it that the memory exists;
 * spool.c writes what it has not acknowledged when the image ends.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_RECORDER_H
#define FOOTPRINT_PRELOAD_RECORD_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/programs/program.h"

/* Bits of footprint.Access in record.proto; those that are missing here are records of their own.
 */
#define ACCESS_READ	1u
#define ACCESS_WRITE	2u
#define ACCESS_CREATE	4u
#define ACCESS_DELETE	8u
#define ACCESS_RENAME	16u
#define ACCESS_METADATA 32u
#define ACCESS_LIST	256u
#define ACCESS_CHECK	512u
/* With the others: the call did not follow a symlink in the last component. Not sent as an access.
 */
#define ACCESS_NO_FOLLOW 0x80000000u

/* LoadedBy in record.proto. */
enum loaded_by { LOADED_BY_START = 0, LOADED_BY_DLOPEN = 1, LOADED_BY_NEEDED = 2 };

enum endpoint_use { ENDPOINT_CONNECT = 1, ENDPOINT_BIND = 2, ENDPOINT_SEND = 3 };

/* `error` below is the errno of the call, 0 when it succeeded. Calls that failed before they looked
 * at the path (EFAULT, EBADF, EINVAL, ENOMEM, EMFILE, ENFILE, EINTR, ENOSYS, ENAMETOOLONG) are not
 * recorded; path may be a bad pointer then, so it is read only when `error` is none of these. */

/* A path was used. dirfd: a descriptor or AT_FDCWD; ignored when path is absolute. An empty path
 * (AT_EMPTY_PATH) or NULL names no new file and is not recorded. */
void record_path(unsigned access, int dirfd, const char *path, int error);

/* An open: what flags (O_*) mean as accesses, and `fd`, the new descriptor or -1, is remembered as
 * a directory that later paths may be relative to. */
void record_open(int dirfd, const char *path, int flags, int fd, int error);

/* Would record_open() find nothing new to keep? Answered without a system call and without a trace,
 * so a thread that may be cancelled at any instruction can ask. False also where that is not known.
 */
bool record_open_is_known(int dirfd, const char *path, int flags, int fd, int error);

/* connect, bind, sendto...: unix, inet and inet6 addresses; others are not recorded. */
void record_address(enum endpoint_use use, const void *address, size_t size, int error);

/* Something that may have been missed: kind as in manifest.proto, path may be NULL. */
void record_gap(const char *kind, const char *path, const char *detail);

/* An object in the link map. requester may be NULL. */
void record_load(enum loaded_by loaded_by, const char *path, const char *requester);

/* Exec, in three steps: record_exec_begin before (it returns a ticket, 0: nothing to undo), the
 * real call, and if it returns: record_exec_failed, which takes the record back and records the
 * outcome. posix_spawn in the parent: record_spawned. */
uint64_t record_exec_begin(int dirfd, const char *path, enum program_glance glance);
void record_exec_failed(uint64_t ticket, int dirfd, const char *path, int error);
void record_spawned(int dirfd, const char *path, int error);

/* Id of the working directory, asked for before a call that may change what a relative path means;
 * 0: nothing is recorded. Afterwards the path is relative to `from`, or if that is 0 to where the
 * process is now. */
uint64_t record_directory(void);
void record_path_from(uint64_t from, unsigned access, const char *path, int error);
/* chdir and fchdir. */
void record_chdir(uint64_t from, const char *path, int error);
void record_fchdir(int fd, int error);
/* It may have changed behind our back (unshare(CLONE_FS), chroot). */
void record_directory_unknown(void);
/* In the parent, which goes on: its child shared our memory until then. */
void record_vfork_end(void);

/* From now on each thread has a working directory of its own (unshare(CLONE_FS)). */
void record_directory_each_thread(void);
/* From now on a child with memory of its own changes ours, and we its (a clone with CLONE_FS). */
void record_directory_shared(void);

/* The root is another one: chroot, pivot_root, setns. Nobody is to be told that it is the hello's.
 */
void record_root_left(void);

/* Which directory is the root, asked for before a call that may change that; 0: not known. And
 * where it is another one afterwards, no path says where. */
uint64_t record_root(void);
void record_root_entered(uint64_t before);

/* No path says where the root is: absolute paths are gaps from now on. */
void record_root_unknown(void);

/* chroot(path) succeeded: from now on absolute paths are below it. */
void record_chroot(uint64_t from, const char *path);

/* Descriptors that name directories: closed or replaced / duplicated. fd may be out of range. */
void record_fd_closed(int fd);
void record_fd_range_closed(unsigned first, unsigned last);
void record_fd_copied(int from, int to);

/* Processes. record_fork_begin before fork, then in each side what happened (pid as fork returned).
 */
void record_fork_begin(void);
void record_fork_end(long pid);
/* The calling process is about to end (exit) or to become another image (exec): keep what nobody
 * has acknowledged. Cheap when there is nothing to keep; may be called more than once. */
void record_goodbye(void);
/* The same, where nothing can come after it: no failing exec, no other destructor. */
void record_end(void);
/* This process has said goodbye, and hardly anything comes after it. */
void record_leave(void);
/* A program is about to be executed with this environment, in this process and after
 * record_goodbye(); `watched`: it can load the library. */
void record_hand_on(bool watched, char *const *envp);
/* exec failed after record_goodbye: we are still here. */
void record_goodbye_undo(void);

/* After this no system call is made any more: memory only (a seccomp filter of the application's).
 */
void record_memory_only(void);

/* Our one descriptor, or -1: hooks keep the application from closing or replacing it. */
int record_descriptor(void);
/* Is this our descriptor? A system call where the number is ours, none for any other. */
bool record_descriptor_is(int fd);
/* Does this name in a directory stand for it, as in /proc/self/fd? System calls where the name is
 * our number, none for any other. */
bool record_descriptor_is_at(int directory, const char *name);
/* The application insists on this very number (dup2 to it): move ours away, or give it up. */
void record_descriptor_yield(int fd, int wanted);

/* From the constructor: reads FOOTPRINT_*, makes the memory, says hello. */
void recorder_start(void);

#endif
