/*
 * Descriptors: what the recorder must know of them (which name directories), and the one that is
 * its own. To the application that one is not open: closing, copying or asking about it says EBADF,
 * closing a range goes round it, and who reads /proc/self/fd does not find it.
 */
#ifndef FOOTPRINT_PRELOAD_HOOKS_HOOKS_FD_H
#define FOOTPRINT_PRELOAD_HOOKS_HOOKS_FD_H

#include <stdbool.h>

/* Not in every libc's headers. */
extern int close_range(unsigned first, unsigned last, int flags);

/* Is fd the recorder's? Then errno is EBADF, as if nothing were open there. */
bool descriptor_is_ours(int fd);

#endif
