/*
 * The spool's file: found, locked, and with room for what is to be appended (proto/WIRE.md).
 * Nothing here waits.
 */
#ifndef FOOTPRINT_PRELOAD_SESSION_SPOOL_FILE_H
#define FOOTPRINT_PRELOAD_SESSION_SPOOL_FILE_H

#include <stdint.h>

#include "preload/session/memory.h"

/* Locked for appending `size` bytes, to be closed by the caller; a negative errno. first: segment 0
 * of the image. */
int spool_file_open(struct segment *first, uint64_t size);

/* The same for records: they leave some of the file system free, for others and for the word that
 * some were lost. */
int spool_file_open_for_records(struct segment *first, uint64_t size);

/* May `size` bytes more be appended? 0: it is ours, a file, under its name, and no limit is in the
 * way; -ESTALE: the aggregator took it; another negative errno. */
int spool_file_takes(int fd, uint64_t size);

/* Is there room for more records? 0 or a negative errno. */
int spool_file_has_space(int fd);

#endif
