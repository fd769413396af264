/*
 * The names that a container has for files in an entered root.
 *
 * The file is the same if it has the same device and inode: first the same name is tried, then the
 * names that the tables of mounts give. A file on a file system that the container has nowhere (a
 * tmpfs of the sandbox) keeps its name, as one in a volume does. If the container has the file
 * system, and yet the file cannot be found there, its name is not known.
 */
#ifndef FOOTPRINT_AGGREGATOR_ROOTS_ENTERED_NAMES_H
#define FOOTPRINT_AGGREGATOR_ROOTS_ENTERED_NAMES_H

#include "aggregator/roots/entered.h"

/* The deepest directory or file on the way to a path that exists. */
struct spot {
	size_t size; /* the first bytes of the path, which name it; 0: the root */
	uint64_t device, inode, mount;
};

/* `path` is cut behind what exists below this root. False: not even the root can be looked at. */
bool spot_find(int root, char *path, struct spot *ret);

enum entered_name {
	NAME_KNOWN,
	NAME_OWN, /* it has none, for the file system is the sandbox's own */
	NAME_UNKNOWN,
};

/* The name in the container's root, which is `root`, of what exists at `path`. NAME_KNOWN: *ret,
 * which the caller frees; another enum entered_name; or -ENOMEM. */
int entered_name(
	struct entered *entered, int root, const char *path, const struct spot *spot, char **ret);

/* Goes through the names that the container may have for a file: by the mounts of its root. */
struct candidates {
	const struct mounts *mounts;
	uint64_t device;
	char *path; /* of the file in its file system */
	size_t next;
	bool any; /* its file system is there */
};

/* mount: where `path` is. 0 or -ENOMEM. */
int candidates_begin(const struct entered *entered, const struct mount *mount, const char *path,
	struct candidates *ret);
/* 1: there is one, which the caller frees; 0: no more; -ENOMEM. */
int candidates_next(struct candidates *candidates, char **ret);
void candidates_deinit(struct candidates *candidates);
#define auto_candidates __attribute__((cleanup(candidates_deinit)))

/* Where a file system of this type always is, since the kernel makes up what is in it: then it is
 * the same wherever it is mounted, and has no fixed inode numbers. NULL: it is another one. */
const char *mount_usual_point(const char *type);

/* point + rest, of which either may be "/" or "". NULL: no memory. The caller frees. */
char *mount_path(const char *point, const char *rest);

#endif
