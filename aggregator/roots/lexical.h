/* Paths as text, where no file system is asked. */
#ifndef FOOTPRINT_AGGREGATOR_ROOTS_LEXICAL_H
#define FOOTPRINT_AGGREGATOR_ROOTS_LEXICAL_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes. The absolute paths that sessions make of directories and names may be longer than
 * PATH_MAX. */
#define RAW_PATH_SIZE_MAX (32u << 10)

/* "/a//./b/../c" becomes "/a/c". NULL: no memory. The caller frees. */
char *lexical_tidy(const char *path);

/* Joins the absolute `base` and `name` (of `size` bytes); an absolute name stays as it is. NULL
 * with errno ENOMEM or ENAMETOOLONG (RAW_PATH_SIZE_MAX). The caller frees. */
char *lexical_join(const char *base, const char *name, size_t size);

/* Is it one of the paths that no manifest holds: /proc, /sys, what is a process's own in /dev, and
 * Footprint's own library (doc/facts.md)? */
bool lexical_left_out(const char *path);

#endif
