/*
 * Descriptors: which of them name directories, for the recorder, and the one that is the recorder's
 * own. For the application, that one is not open: to close, copy or ask about it fails with EBADF,
 * closing a range leaves it out, and reading /proc/self/fd does not show it.
 */
#ifndef FOOTPRINT_PRELOAD_HOOKS_HOOKS_FD_H
#define FOOTPRINT_PRELOAD_HOOKS_HOOKS_FD_H

#include <stdbool.h>

/* Not in every libc's headers. */
extern int close_range(unsigned first, unsigned last, int flags);

/* Is fd the recorder's descriptor? Then sets errno to EBADF, as if it were not open. */
bool descriptor_is_ours(int fd);

#endif
