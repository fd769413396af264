/*
 * The hash of a path for the seen table, and the length of the path, in one pass over its bytes.
 * This is most of what a repeated access costs.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_PATH_HASH_H
#define FOOTPRINT_PRELOAD_RECORD_PATH_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Hashes `path` and the id of the directory that it is relative to, `base`. Reads no word behind
 * `limit` bytes, which is more than 8. *ret_size: the length of the path. Where it is at least
 * `limit` the path is longer than that, and the hash means nothing. */
uint64_t path_hash(uint64_t base, const char *path, size_t limit, size_t *ret_size);

#endif
