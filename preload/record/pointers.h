/*
 * Whether we can read what an argument of a call points to. An application may pass a bad pointer:
 * the kernel then answers EFAULT, or refuses the call before it looks at the pointer, where we
 * would crash.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_POINTERS_H
#define FOOTPRINT_PRELOAD_RECORD_POINTERS_H

#include <stdbool.h>
#include <stddef.h>

/* For use before the call. Behind a filter, only a path of NULL is known to be bad, and no
 * structure to be good. */
bool path_is_readable(const char *path);
bool structure_is_readable(const void *structure, size_t size);

/* Does this error say that the call has looked at its path? True for the errors that are usual for
 * paths and addresses. Any other may have come before: EPERM from swapon, or any error from a
 * seccomp filter or a tracer. */
bool error_tells_of_a_look(int error);

/* Did a call that failed with this error read what it was given? For errors other than those of
 * fact_error_says_nothing(). If the error does not tell, the memory is tried. Behind a filter that
 * is not possible, and the answer is no. */
bool path_was_read(const char *path, int error);
bool structure_was_read(const void *structure, size_t size, int error);

/* Can the second path of a call be read that failed with this error, or did not (0)? It may never
 * have been: link("/none", bad pointer) answers ENOENT. Where that cannot be found out, the
 * application comes first. */
bool second_path_was_read(const char *path, int error);

#endif
