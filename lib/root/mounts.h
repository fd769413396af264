/*
 * A table of mounts, as /proc/PID/mountinfo tells it (proc_pid_mountinfo(5)): which part of which
 * file system is at which path. Two tables tell which path in one root is the same file as a path
 * in another one.
 */
#ifndef FOOTPRINT_ROOT_MOUNTS_H
#define FOOTPRINT_ROOT_MOUNTS_H

#include <stddef.h>
#include <stdint.h>

struct mount {
	uint64_t id;	 /* as STATX_MNT_ID has it */
	uint64_t device; /* of the file system, opaque: the same for the same one */
	const char *top; /* the directory or file of the file system that is at `point` */
	const char *point;
	const char *type; /* of the file system */
};

struct mounts {
	struct mount *list;
	size_t n;
	char *text;
};

/* Takes a copy of the text. Lines that are no mounts are left out. 0 or -ENOMEM. */
int mounts_parse(const char *text, size_t size, struct mounts *ret);
void mounts_deinit(struct mounts *mounts);

/* The table as it is seen from the mount with this id, once that is the root. It points into
 * `mounts`, which must outlive it. 0 or -ENOMEM. */
int mounts_from(const struct mounts *mounts, uint64_t id, struct mounts *ret);

/* The mount with this id; NULL: there is none. */
const struct mount *mounts_find(const struct mounts *mounts, uint64_t id);

/* The mount that the canonical path is on: of several at the same place, the uppermost. NULL: none
 * that the table has. */
const struct mount *mounts_of(const struct mounts *mounts, const char *path);

/* What follows `above` in the canonical path `path`: "" or "/...". NULL: it is not below it. */
const char *mounts_below(const char *path, const char *above);

#endif
