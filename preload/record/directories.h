/*
 * What relative paths are relative to. A record names a directory by an id (fp_directory_id), so
 * that writing one takes no system call. This module remembers the id of the working directory and
 * those of descriptors up to a limit; the kernel is asked, once, for any that is not known.
 *
 * A vfork child shares this memory with its parent, but has descriptors and a working directory of
 * its own. So it may mark an entry as unknown, which is right for both processes, but never set
 * one.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_DIRECTORIES_H
#define FOOTPRINT_PRELOAD_RECORD_DIRECTORIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/session/memory.h"
#include "preload/text.h"

#define DESCRIPTOR_LINK_SIZE (sizeof("/proc/thread-self/fd/") + TEXT_NUMBER_SIZE)
#define USUAL_PATH	     512 /* bytes of stack for a path: small, as alternate signal stacks are */

/* The id of the directory that `dirfd` (or AT_FDCWD) names now. FP_DIRECTORY_UNKNOWABLE: it cannot
 * be found out. */
uint64_t directory_of(int dirfd);

/* The same, whatever is remembered: for a vfork child, which may have changed its working directory
 * past the sites. */
uint64_t directory_ask(int dirfd);

/* The place of a path that directory_path() returned. False: it names nothing. */
struct place;
bool directory_place(struct place *ret, const char *path);

/* Does this name exist? False also behind a filter, where the kernel is not asked. */
bool directory_holds(int dirfd, const char *path);

/* Remembers that `fd` names the directory `id`. 0: unknown. */
void directory_set(int fd, uint64_t id);

/* The id that is remembered for `fd`; 0: unknown. Makes no system call. */
uint64_t directory_known(int fd);

/* Forgets the descriptors from `first` to `last`. */
void directory_forget(unsigned first, unsigned last);

/* Others share our memory but not our descriptors, or our descriptors but not our memory: no
 * descriptor is remembered from now on. */
void directory_descriptors_apart(void);

/* The id that is remembered for the working directory; 0: unknown. Makes no system call. */
uint64_t directory_working_known(void);

/* The working directory is about to change. A signal handler may run before that is known, and asks
 * the kernel. To be followed by directory_set_working(), or by directory_stay() if it has not
 * changed. */
void directory_move(void);
void directory_stay(void);

/* Remembers the working directory; 0: unknown. */
void directory_set_working(uint64_t id);

/* The parent of a vfork or posix_spawn runs again: unless other threads have such children, too,
 * none changes our memory any more, nor the root. */
void directory_parent_runs(void);

/* This process is a fork: its memory is its own, whatever other threads or vfork children of its
 * parent were about to do. */
void directory_forked(void);

/* The threads of this process may have working directories of their own: none is remembered from
 * now on. */
void directory_each_thread(void);

/* The id of the root, for an absolute path; 0: as at the start. FP_DIRECTORY_UNKNOWABLE: it cannot
 * be found out. */
uint64_t directory_root(void);

/* Is "/" still the directory that directory_root() knew last, if others may have changed it? */
bool directory_root_stays(void);

/* A filter is about to be installed, behind which the kernel cannot be asked any more. Where the
 * root is in /proc by then, which is empty, there is a broker outside that opens files for this
 * process: the names that it asks for are those of the root that the hello names
 * (image.root_in_proc). */
void directory_look_for_broker(void);

/*
 * The root is about to change for some of those who share our memory, but perhaps not for all: by a
 * thread, a vfork child, or a process that shares the root with us (CLONE_FS). From now on each of
 * them looks whether "/" is still the directory that it was. If it is not, absolute paths are gaps,
 * since no path is known to lead there; unless "/" is in /proc.
 */
void directory_look_at_root(void);

/* chroot(path) succeeded, when the working directory was `from` (0: the one that is remembered).
 * Does not ask the kernel, which answers with paths below the new root by now. */
void directory_set_root(uint64_t from, const char *path);

/*
 * Writes the path of what a descriptor (or AT_FDCWD) names into `path`: absolute, without symlinks,
 * terminated. `size`: of the buffer, in bytes. Returns the length of the path, or a negative errno:
 * -ERANGE if it may not fit, -ENOENT if there is no path, as to what is outside the root.
 */
long directory_path(int dirfd, char *path, size_t size);

/* The path of the link in /proc to what a descriptor names. False: it must not be used, since
 * nothing may be opened. */
bool directory_link(int dirfd, char link[DESCRIPTOR_LINK_SIZE]);

#endif
