/*
 * Descriptors that peers send. What they are is asked in ways that no file system answers: one that
 * is served by a peer (FUSE) might never do so.
 */
#ifndef FOOTPRINT_AGGREGATOR_PEERS_DESCRIPTOR_H
#define FOOTPRINT_AGGREGATOR_PEERS_DESCRIPTOR_H

#include <stdbool.h>

bool descriptor_is_path(int fd);      /* O_PATH: no more than a place */
bool descriptor_is_memory(int fd);    /* a memfd, or another file in memory */
bool descriptor_is_seqpacket(int fd); /* a unix socket of that type */
bool descriptor_is_listener(int fd);  /* of seccomp's user notifications */

/* Does it belong to none of these kinds? */
bool descriptor_is_strange(int fd);

/* Closes them, those of -1 apart: on a thread, where a file system may have a say in it. That may
 * last for ever; while too many such threads wait, further ones stay open. */
void descriptors_close(const int *fds, unsigned n);

/* Ends a connection of ours, for all who hold this end of it, and closes it likewise. */
void descriptor_hang_up(int socket);

#endif
