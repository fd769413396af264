/* Paths as text, where no file system can be asked. */
#ifndef FOOTPRINT_AGGREGATOR_ROOTS_LEXICAL_H
#define FOOTPRINT_AGGREGATOR_ROOTS_LEXICAL_H

#include <stdbool.h>
#include <stddef.h>

/* Absolute paths as sessions build them, from directories and names, may grow past PATH_MAX. */
#define RAW_PATH_SIZE_MAX (32u << 10)

/* "/a//./b/../c" becomes "/a/c". NULL: no memory. The caller frees. */
char *lexical_tidy(const char *path);

/* `name` (of `size` bytes) seen from the absolute `base`; an absolute name stays. NULL with errno
 * ENOMEM or ENAMETOOLONG (RAW_PATH_SIZE_MAX). The caller frees. */
char *lexical_join(const char *base, const char *name, size_t size);

/* Does the canonical `path` stand in `directory` (no slash at its end), or is it that? */
bool lexical_within(const char *path, const char *directory);

/* Is it one of the paths that no manifest holds: /proc, /sys, what is a process's own in /dev, and
 * Footprint's own library (doc/facts.md)? */
bool lexical_left_out(const char *path);

#endif
