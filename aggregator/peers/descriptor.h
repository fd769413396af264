/*
 * Descriptors that peers send. Their kind is found out without asking a file system, because one
 * that a peer serves (FUSE) may never answer.
 */
#ifndef FOOTPRINT_AGGREGATOR_PEERS_DESCRIPTOR_H
#define FOOTPRINT_AGGREGATOR_PEERS_DESCRIPTOR_H

#include <stdbool.h>

bool descriptor_is_path(int fd);      /* opened with O_PATH */
bool descriptor_is_memory(int fd);    /* a memfd, or another file in memory */
bool descriptor_is_seqpacket(int fd); /* a unix socket of that type */
bool descriptor_is_listener(int fd);  /* of seccomp's user notifications */

/* Does it belong to none of these kinds? */
bool descriptor_is_strange(int fd);

/* Closes descriptors, except those that are -1. If a file system may have to be asked, a thread
 * does it, because that may last for ever. While too many such threads wait, further descriptors
 * wait for one of them. */
void descriptors_close(const int *fds, unsigned n);

/* Shuts down a connection of ours, for all who hold this end of it, and closes it in the same
 * way. */
void descriptor_hang_up(int socket);

#endif
