/* Reads files in somebody else's root. */
#ifndef FOOTPRINT_ROOT_CONTENT_H
#define FOOTPRINT_ROOT_CONTENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/root/resolver.h"

/*
 * What it means that a path cannot be resolved, opened or read for this negative errno. -ENOENT:
 * nothing is there that could be read. -ENOMEM: we have no memory or descriptors now. Others: it
 * may be there, but nobody knows what it holds.
 */
int content_failure(int code);

/* pread until `size` bytes or the end of the file: bytes read, or negative errno. */
ssize_t content_read_at(int fd, void *buffer, size_t size, uint64_t offset);

/*
 * Opens the regular file that `path` leads to in the root, symlinks followed: a descriptor, or
 * negative errno. ret_size (may be NULL): its size.
 */
int content_open(struct resolver *r, const char *path, uint64_t *ret_size);

/* All of such a file, with a NUL behind it. -EFBIG: more than `max` bytes. */
int content_read(struct resolver *r, const char *path, size_t max, char **ret, size_t *ret_size);

#endif
