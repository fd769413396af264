/*
 * Whether what a call points to can be read. The application's pointers are its own to get wrong:
 * the kernel answers EFAULT where we would crash, or refuses the call before it looks.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_POINTERS_H
#define FOOTPRINT_PRELOAD_RECORD_POINTERS_H

#include <stdbool.h>
#include <stddef.h>

/* To be asked before the kernel has looked. Behind a filter only NULL is known to be bad. */
bool path_is_readable(const char *path);

/* Is it a usual error of a call that has looked at what it was to look at? Any other may have come
 * before: EPERM of swapon, all of a filter or a tracer. */
bool error_tells_of_a_look(int error);

/* To be asked of a call that failed with this error, unless fact_error_says_nothing(). Where it
 * does not tell of a look the memory is tried; behind a filter that is not possible, and the answer
 * is no. */
bool path_was_read(const char *path, int error);
bool structure_was_read(const void *structure, size_t size, int error);

#endif
