/*
 * io_uring. What a program does through a ring takes no system call, but what it is about to do
 * stands in memory when io_uring_enter announces it. Most programs do nothing there that has a
 * name: libuv, and with it Node.js, changes what its epoll waits for. So there is a gap only if a
 * submission may name a file or an address.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_RINGS_H
#define FOOTPRINT_PRELOAD_RECORD_RINGS_H

#include <stdbool.h>

/* A ring was set up, with these parameters (struct io_uring_params). False: it cannot be seen what
 * is submitted there. */
bool ring_made(int fd, const void *parameters);

/* May what io_uring_enter is about to submit use names? (Also a ring that is not known.) */
bool ring_uses_names(int fd);

/* These descriptors are closed, or name something else by now. */
void rings_closed(unsigned first, unsigned last);

#endif
