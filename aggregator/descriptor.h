/*
 * Descriptors that peers send. What they are is asked in ways that no file system answers: one that
 * is served by a peer (FUSE) might never do so.
 */
#ifndef FOOTPRINT_AGGREGATOR_DESCRIPTOR_H
#define FOOTPRINT_AGGREGATOR_DESCRIPTOR_H

#include <stdbool.h>

struct workers;

bool descriptor_is_path(int fd);      /* O_PATH: no more than a place */
bool descriptor_is_memory(int fd);    /* a memfd, or another file in memory */
bool descriptor_is_seqpacket(int fd); /* a unix socket of that type */
bool descriptor_is_listener(int fd);  /* of seccomp's user notifications */

/* Closes it; elsewhere, where its file system may have a say in that. -1: nothing to do. */
void descriptor_close(struct workers *workers, int fd);

#endif
