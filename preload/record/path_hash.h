/*
 * The hash that a path is known by in the seen table, and its length, in one walk: this is most of
 * what a repeated access costs.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_PATH_HASH_H
#define FOOTPRINT_PRELOAD_RECORD_PATH_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Of `path`, which belongs to the directory `base`. Reads no word behind `limit`, which is
 * more than 8. *ret_size: its length; at least `limit` where the path goes on from there, and the
 * hash then means nothing. */
uint64_t path_hash(uint64_t base, const char *path, size_t limit, size_t *ret_size);

#endif
