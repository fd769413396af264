/*
 * Paths, resolved inside somebody else's root directory.
 *
 * A watched container hands over an O_PATH descriptor of its `/`. Here a raw path that one of its
 * processes used becomes a canonical one, symlink by symlink, without ever leaving that root: every
 * lookup is of one name in a directory's O_PATH descriptor, symlinks and ".." are walked here, and
 * nothing is opened for reading, so a FIFO, a device or a dead network mount cannot hang or be set
 * off. Where the kernel walks a canonical path again, it is openat2(RESOLVE_IN_ROOT |
 * RESOLVE_NO_SYMLINKS).
 *
 * Symlinks on procfs are not walked: /proc/self, /proc/self/cwd and their like would speak of this
 * process. Such a lookup ends there with -ELOOP, and its path begins with where procfs is mounted.
 *
 * A resolver caches what it learned of directories; it may be used by one thread at a time.
 * Start reading at resolver_resolve(), then places.h.
 */
#ifndef FOOTPRINT_ROOT_RESOLVER_H
#define FOOTPRINT_ROOT_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define RESOLVE_LINKS_MAX 40 /* symlinks in one lookup, as in the kernel (MAXSYMLINKS) */
#define RESOLVE_TEXT_MAX                                                                           \
	(64u << 10) /* bytes of base and path, or of what a symlink makes of them */

struct resolver;

/* Takes its own duplicate of rootfd (O_PATH or not). */
int resolver_new(int rootfd, struct resolver **ret);
void resolver_free(struct resolver *r);
/* A descriptor of the root for others to use, owned by the resolver. */
int resolver_root(const struct resolver *r);
/* Forgets cached directories: call between batches, for files move while applications run. */
void resolver_refresh(struct resolver *r);

struct walked_link {
	char *path;   /* canonical path of the symlink itself */
	char *target; /* as it stands in it */
};

struct resolution {
	/* Canonical: where the lookup ended; with error, as far as it exists plus the rest. */
	char *path;
	struct walked_link *links; /* in the order walked, the last component's included */
	size_t n_links;
	/* links[own_link - 1] is what the path itself names; 0: no symlink that was walked. */
	size_t own_link;
	char *target; /* where path is itself a symlink, not followed: what it says; else NULL */
	struct stat status; /* of path; undefined with error */
	int error; /* 0, or the negative errno of the lookup: -ENOENT, -ENOTDIR, -ELOOP, ... */
};

/*
 * Resolves `path` (absolute, or relative to the absolute directory `base`, which may itself hold
 * symlinks; those are not among ret->links, for this lookup did not walk them). follow: a symlink
 * in the last component is walked too; as in the kernel, a slash after it has the same effect.
 * Returns 0 also when the path does not exist (ret->error says so). Else -ENAMETOOLONG
 * (RESOLVE_TEXT_MAX), or it is our own trouble and nothing is known of the path: -ENOMEM, -EMFILE,
 * -ENFILE. The rest of a path that does not exist is only text, in which ".." removes the name
 * before it.
 */
int resolver_resolve(struct resolver *r, const char *base, const char *path, bool follow,
	struct resolution *ret);
void resolution_deinit(struct resolution *res);

/* Is `canonical` a directory, with no symlink on the way? Makes two system calls, where resolving
 * takes several. False also if that cannot be found out. */
bool resolver_is_directory(const struct resolver *r, const char *canonical);

/* Opens a canonical path's regular file for reading: never blocks on a FIFO, never follows a
 * symlink, never opens a device. -EINVAL: not a regular file. */
int resolver_open(struct resolver *r, const char *canonical, struct stat *ret_status);

#endif
