/*
 * The recorder: turns "a call happened" into a record in the session memory.
 *
 * The hooks and the sites call record_*() after the real call has returned, with its outcome; for
 * an exec, before it. All functions here are safe in signal handlers, after vfork, in any thread,
 * before constructors have run, and in a process that has closed all its descriptors: they use no
 * malloc, no lock and no libc function, and keep errno. A fact that this image has recorded before
 * costs a hash and a table lookup.
 *
 * The way of a record: record_*() -> seen.c (is it known already?) -> encode.c (protobuf) ->
 * memory.c (a slot in the segment), where the aggregator reads it. session.c tells the aggregator
 * that the memory exists; spool.c writes what it has not acknowledged by the time the image ends.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_RECORDER_H
#define FOOTPRINT_PRELOAD_RECORD_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/programs/program.h"

/* Bits of footprint.Access in record.proto. EXEC and LOAD are missing: these are records of their
 * own kinds. */
#define ACCESS_READ	1u
#define ACCESS_WRITE	2u
#define ACCESS_CREATE	4u
#define ACCESS_DELETE	8u
#define ACCESS_RENAME	16u
#define ACCESS_METADATA 32u
#define ACCESS_LIST	256u
#define ACCESS_CHECK	512u
/* Added to the others: the call did not follow a symlink in the last component. A field of its own
 * in the record. */
#define ACCESS_NO_FOLLOW 0x80000000u

/* LoadedBy in record.proto. */
enum loaded_by { LOADED_BY_START = 0, LOADED_BY_DLOPEN = 1, LOADED_BY_NEEDED = 2 };

enum endpoint_use { ENDPOINT_CONNECT = 1, ENDPOINT_BIND = 2, ENDPOINT_SEND = 3 };

/* `error` below is the errno of the call, 0 if it succeeded. Calls that failed before they looked
 * at the path (proto/nothing.def: EFAULT, EBADF, EINVAL, ...) are not recorded. Their path may be a
 * bad pointer, so it is not read. */

/* A path was used. dirfd: a descriptor or AT_FDCWD; ignored if the path is absolute. A path that is
 * empty (AT_EMPTY_PATH) or NULL names no file, and is not recorded. */
void record_path(unsigned access, int dirfd, const char *path, int error);

/* A file was opened with these flags (O_*), from which the accesses follow. fd: the new descriptor,
 * or -1. It is remembered as a directory that later paths may be relative to. */
void record_open(int dirfd, const char *path, int flags, int fd, int error);

/* Would record_open() have nothing new to record? Makes no system call and writes nothing, so a
 * thread that may be cancelled at any instruction can call it. False also where the answer is not
 * known. */
bool record_open_is_known(int dirfd, const char *path, int flags, int fd, int error);

/* connect, bind, sendto...: unix, inet and inet6 addresses; others are not recorded. */
void record_address(enum endpoint_use use, const void *address, size_t size, int error);

/* Before a connect. It may wait for minutes, and the program need not return from it: it may be
 * killed, or jump out of a signal handler. So an address that it will wait for is recorded now. */
void record_connect_begins(int fd, const void *address, size_t size);

/* This process will only record in memory from now on, which nobody may hold. */
void record_filter(void);

/* Something may have been missed. kind: as in manifest.proto. path may be NULL. */
void record_gap(const char *kind, const char *path, const char *detail);

/* The dynamic linker has mapped an object. requester: the object that asked for it; may be NULL. */
void record_load(enum loaded_by loaded_by, const char *path, const char *requester);

/* An exec takes three steps: record_exec_begin() before the real call; the call; and, if it
 * returns, record_exec_failed(), which takes the record back and records the failure. The ticket
 * connects the two; 0: there is nothing to take back. For posix_spawn the parent calls
 * record_spawned() afterwards.
 *
 * EXEC_WILL_FAIL: there is no such program, as for most candidates of a search through PATH. So
 * this process lives on, and needs no goodbye. (If the program is made just now, this image ends as
 * if it had been killed.) */
#define EXEC_WILL_FAIL 1u
uint64_t record_exec_begin(int dirfd, const char *path, enum program_glance glance);
void record_exec_failed(uint64_t ticket, int dirfd, const char *path, int error);
void record_spawned(int dirfd, const char *path, int error);

/* The id of the working directory. For calls that may change what a relative path means: ask before
 * the call, and give the id to record_path_from() after it. 0: nothing is recorded in this process.
 * With a `from` of 0, a path is relative to the working directory at that moment. */
uint64_t record_directory(void);
void record_path_from(uint64_t from, unsigned access, const char *path, int error);
/* chdir and fchdir: record_move() before the call, and one of the other two after it. */
void record_move(void);
void record_chdir(uint64_t from, const char *path, int error);
void record_fchdir(int fd, int error);
/* The working directory may have changed without our seeing it (unshare(CLONE_FS), chroot). */
void record_directory_unknown(void);
/* In the parent of a vfork, which runs again: until now its child shared our memory. */
void record_vfork_end(void);

/* Has this process only one thread, and memory of its own? Then nobody shares with it what we
 * remember. */
bool record_is_alone(void);
/* From now on each thread may have a working directory of its own (unshare(CLONE_FS)). */
void record_directory_each_thread(void);
/* The same for descriptors (unshare(CLONE_FILES), CLOSE_RANGE_UNSHARE). */
void record_descriptors_each_thread(void);
/* A clone with these flags begins. If the child will share our memory but not our working directory
 * or descriptors, or these but not our memory, they are not remembered from now on. */
void record_clone_begins(uint64_t flags);

/* Before chroot and pivot_root: the root may change for this thread or process alone, and not for
 * all who share our memory. record_root_stays(): the call failed. */
void record_root_begin(void);
void record_root_stays(void);
/* The root directory is another one now (chroot, pivot_root, setns), so it must no longer be sent
 * as the one that the hello describes. */
void record_root_left(void);

/* Before a call behind which "/" may be a directory to which no path is known to lead (pivot_root,
 * setns). To be followed by record_root_entered(), or by record_root_kept(): the call failed. */
void record_root_leaves(void);
void record_root_kept(void);
/* That is so: the aggregator gets a descriptor of the new root. If it cannot be told, absolute
 * paths are gaps from now on. */
void record_root_entered(void);

/* For a call that may change the root, but need not: record_root() before it tells which directory
 * is the root (0: not known), and record_root_may_be_entered() after it compares. */
uint64_t record_root(void);
void record_root_may_be_entered(uint64_t before);

/* This process is in a mount namespace of its own from now on (unshare, clone): what is mounted
 * there is not where the hello's root is. */
void record_mounts_apart(void);

/* chroot(path) succeeded: from now on absolute paths are below it. */
void record_chroot(uint64_t from, const char *path);

/* Descriptors were closed or replaced, or duplicated: what we know of the directories that they
 * name changes with them. fd may be out of range. */
void record_fd_closed(int fd);
void record_fd_range_closed(unsigned first, unsigned last);
void record_fd_copied(int from, int to);

/* record_fork_begin() before a fork, and record_fork_end() afterwards in both processes, with the
 * pid as fork returned it. */
void record_fork_begin(void);
void record_fork_end(long pid);
/* The calling process is about to end (exit) or to become another image (exec): writes to the spool
 * what nobody has acknowledged. Cheap if there is nothing to write. May be called more than
 * once. */
void record_goodbye(void);
/* The same, where nothing comes after it: no exec that may fail, no further destructor. */
void record_end(void);
/* This process has said goodbye, and hardly any further record will come. */
void record_leave(void);
/* This process is about to execute a program with this environment: lets the program use the pool.
 * To be called after record_goodbye(). watched: the program can load the library. */
void record_hand_on(bool watched, char *const *envp);
/* That exec has failed. */
void record_hand_back(void);
/* The exec that record_goodbye() preceded has failed: the process lives on. */
void record_goodbye_undo(void);

/* The application is about to install a seccomp filter, or perhaps only asks (!installs) what the
 * kernel can do: the last moment for system calls of ours. */
void record_filter_begins(bool installs);
/* It has done so. From now on we make no system call, except before an exec (filters.h), and
 * records go to the memory only. */
void record_memory_only(void);

/* The one descriptor that we hold, or -1. Hooks keep the application from closing or replacing
 * it. */
int record_descriptor(void);
/* Is this our descriptor? Makes a system call only where the number is ours. */
bool record_descriptor_is(int fd);
/* Is this name, in this directory, that of our descriptor, as in /proc/self/fd? Makes system calls
 * only where the name is our number. */
bool record_descriptor_is_at(int directory, const char *name);
/* The application duplicates `wanted` to the number `fd`, which is ours: moves our descriptor to
 * another number, or gives it up. */
void record_descriptor_yield(int fd, int wanted);

#endif
