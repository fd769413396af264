/*
 * The socket to the aggregator: image.descriptor. Nothing here waits or raises a signal, and
 * nothing is sent unless the descriptor is certainly our socket.
 */
#ifndef FOOTPRINT_PRELOAD_SESSION_CONNECTION_H
#define FOOTPRINT_PRELOAD_SESSION_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#define PACKET_PARTS 2

/* The number that the descriptor gets where possible: programs that we start look for it there. */
#define CONNECTION_FD 240

/* Duplicates a descriptor to a number that no program expects: CONNECTION_FD, or one behind it. A
 * negative errno on failure. */
long connection_copy_high(long fd);

/* Connects. 0 or a negative errno. On success image.descriptor is the socket, with a high
 * number. */
long connection_open(void);

#define CONNECTION_FDS_MAX 3 /* of one packet */

/* Sends one packet: all parts of it, and up to CONNECTION_FDS_MAX descriptors. 0 or a negative
 * errno. If that says that the aggregator is gone, image.descriptor is -1 afterwards. */
long connection_send(const struct iovec parts[PACKET_PARTS], const int *fds, size_t fd_count);

/* Is `fd` still our socket? The application may have closed it behind our back. */
bool connection_is_ours(int fd);

/* The same for image.descriptor. If it is not our socket, image.descriptor is -1 afterwards, except
 * in a vfork child, whose parent may still have it. */
bool connection_confirm(int fd);

/* After connection_confirm(): does `name` in this directory (/proc/self/fd) lead to our socket? */
bool connection_is_at(int directory, const char *name);

/* Does the aggregator still hold its end? If not, image.descriptor is -1 afterwards. */
bool connection_is_there(void);

#endif
