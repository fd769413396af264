/*
 * Opening a canonical path beneath a root directory, walking no symlink at all: what the resolver
 * has made canonical is opened again only if it still is.
 */
#ifndef FOOTPRINT_ROOT_BENEATH_H
#define FOOTPRINT_ROOT_BENEATH_H

/*
 * Opens `canonical`, an absolute path without symlinks, "." or "..", beneath rootfd with open(2)
 * `flags`; O_NOFOLLOW and O_CLOEXEC are added. A descriptor, or negative errno: -ELOOP or -ENOTDIR
 * for a symlink on the way, -EINVAL for a path that is not canonical. With O_PATH | O_NOFOLLOW the
 * last component may be a symlink: the descriptor is then of the link.
 */
int beneath_open(int rootfd, const char *canonical, int flags);

#endif
