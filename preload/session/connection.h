/*
 * The socket to the aggregator: image.descriptor. Never waits, never raises a signal, and never
 * sends into a descriptor that is not surely our socket.
 */
#ifndef FOOTPRINT_PRELOAD_SESSION_CONNECTION_H
#define FOOTPRINT_PRELOAD_SESSION_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#define PACKET_PARTS 2

/* The descriptor's number, where it can be had: where programs that we start look for it. */
#define CONNECTION_FD 240

/* 0, or a negative errno. On success image.descriptor is a connected socket with a high number. */
long connection_open(void);

/* Sends one packet: all parts, and up to two descriptors. 0, or a negative errno; where that says
 * that the aggregator is gone, image.descriptor is -1 afterwards. */
long connection_send(const struct iovec parts[PACKET_PARTS], const int *fds, size_t fd_count);

/* Is `fd` still our socket? The application may have closed it behind our back. */
bool connection_is_ours(int fd);

/* The same of image.descriptor. If it is not, image.descriptor is -1 afterwards, unless this is a
 * vfork child, whose parent may have it still. */
bool connection_confirm(int fd);

/* After connection_confirm(): does `name` in this directory lead to it? */
bool connection_is_at(int directory, const char *name);

/* Does the other side still hold its end? If not, image.descriptor is -1 afterwards. */
bool connection_is_there(void);

#endif
