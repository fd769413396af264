/*
 * What relative paths are relative to: ids of directories (fp_directory_id), so that a record names
 * its directory without a system call. The working directory and the descriptors below a bound have
 * their ids in memory; what is not known is asked of the kernel, once.
 *
 * A vfork child shares this memory with its parent but has descriptors and a working directory of
 * its own. So it may make an entry unknown, which is right for both, and never known.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_DIRECTORIES_H
#define FOOTPRINT_PRELOAD_RECORD_DIRECTORIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/session/memory.h"
#include "preload/text.h"

#define DESCRIPTOR_LINK_SIZE (sizeof("/proc/4294967295/fd/") + TEXT_NUMBER_SIZE)
#define USUAL_PATH	     512 /* bytes of stack for a path; alternate signal stacks are small */

/* Id of what `dirfd` (or AT_FDCWD) names now; FP_DIRECTORY_UNKNOWABLE: that cannot be told. */
uint64_t directory_of(int dirfd);

/* The place of what directory_path() tells. False: it names nothing. */
struct place;
bool directory_place(struct place *ret, const char *path);

/* Is there something of this name now? False: nobody is asked (behind a filter). */
bool directory_holds(int dirfd, const char *path);

/* `fd` names the directory `id`; 0: nobody knows what it names, if anything. */
void directory_set(int fd, uint64_t id);

/* Its id, 0: unknown. No system call. */
uint64_t directory_known(int fd);

/* None of first ... last is known any more. */
void directory_forget(unsigned first, unsigned last);

/* The working directory is `id`; 0: unknown. */
void directory_set_working(uint64_t id);

/* The parent of a vfork or posix_spawn runs again, so no child changes our memory any more. */
void directory_parent_runs(void);

/* The threads of this process have working directories of their own: none is remembered. */
void directory_each_thread(void);

/* chroot(path) succeeded, where the working directory was `from`; 0: as it is known. Asks the
 * kernel nothing, whose answers are from below the new root already. */
void directory_set_root(uint64_t from, const char *path);

/*
 * Path of what a descriptor (or AT_FDCWD) names, absolute and without symlinks, into `path` of
 * `size` bytes, terminated. Returns its length, or a negative errno: -ERANGE when it may not
 * fit, -ENOENT when it has no path.
 */
long directory_path(int dirfd, char *path, size_t size);

/* The link in /proc to what a descriptor names, for us to open. False: nothing is to be opened. */
bool directory_link(int dirfd, char link[DESCRIPTOR_LINK_SIZE]);

#endif
