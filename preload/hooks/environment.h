/*
 * The environment of programs that this one starts: in it, LD_PRELOAD names our library, and
 * FOOTPRINT_* are set as they were at our own start, whatever the program has done to its
 * environment. What the program has set itself stays: its own FOOTPRINT_APP, and other preloaded
 * libraries in their order.
 *
 * Does not allocate or lock anything, and calls nothing of libc, except in environment_restore().
 */
#ifndef FOOTPRINT_PRELOAD_HOOKS_ENVIRONMENT_H
#define FOOTPRINT_PRELOAD_HOOKS_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

/* Should a program load the library? Not if the library's path means nothing there (after a
 * chroot), and not if the program is of another architecture: then the dynamic linker would
 * complain on its stderr. */
enum library_wish { LIBRARY_WANTED, LIBRARY_UNWANTED };

/* Can this process reach the library's file at the path in LD_PRELOAD? Makes two system calls, or
 * three with no_new_privs. */
bool environment_reaches_library(void);

/* The path of our library for LD_PRELOAD. NULL: not known. */
const char *environment_library(void);

/* The value that this variable (FOOTPRINT_*) had at our start. NULL: it was not set. */
const char *environment_setting(const char *name);

/* All these variables, as "NAME=value", but at most `max`. Returns how many there are. */
unsigned environment_kept(const char **ret_entries, unsigned max);

/* A function that starts a program with an environment: execve and the like. */
typedef long environment_user(void *context, char *const *envp);

/*
 * Calls `user` with `given` (NULL: an empty environment) if that has all it should have, or else
 * with an environment made from it. That one exists for as long as the call: on the stack, or in
 * mapped memory if it is large. Its strings are those of `given` and ours, not copies. Returns what
 * `user` returned, with errno as `user` left it.
 */
long environment_with(
	char *const *given, enum library_wish wish, environment_user *user, void *context);

/* Can this environment be read, as far as we have to? Makes no system call for one that
 * environment_with() is just passing to a user. */
bool environment_is_readable(char *const *envp);

/* For functions that start programs inside libc with the process's own environment (system, popen):
 * puts back what is missing there, with libc's setenv. */
void environment_restore(enum library_wish wish);

#endif
