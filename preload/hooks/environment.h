/*
 * The environment of programs that this one starts: LD_PRELOAD names our library and FOOTPRINT_*
 * are there, as they were at our own start, whatever the program made of its environment. What it
 * set itself stays: its FOOTPRINT_APP, its other preloads and their order.
 *
 * No allocation, no locks, nothing of libc's but in environment_restore().
 */
#ifndef FOOTPRINT_PRELOAD_HOOKS_ENVIRONMENT_H
#define FOOTPRINT_PRELOAD_HOOKS_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

/* Should a program be told to load the library? Not where its path means nothing (a chroot), and
 * not when it is of another architecture: the dynamic linker would complain on its stderr. */
enum library_wish { LIBRARY_WANTED, LIBRARY_UNWANTED };

/* Is the library's file where LD_PRELOAD says, as this process sees it now? Two system calls,
 * three with no_new_privs. */
bool environment_reaches_library(void);

/* Our library's path as LD_PRELOAD should name it, NULL: not known. */
const char *environment_library(void);

/* The value that FOOTPRINT_* had at our start, NULL: none. */
const char *environment_setting(const char *name);

/* Those variables, as "NAME=value", at most `max`. Returns how many. */
unsigned environment_kept(const char **ret_entries, unsigned max);

/* Starts a program with an environment: execve and its kin. */
typedef long environment_user(void *context, char *const *envp);

/*
 * Calls `user` with `given` (NULL: empty) if it will do as it is, else with one made from it, which
 * lasts as long as the call: on the stack, or in mapped memory when it is large. Its strings are
 * given's and ours, not copies. Returns what the user returned, errno as it left it.
 */
long environment_with(
	char *const *given, enum library_wish wish, environment_user *user, void *context);

/* Can the kernel read it, as far as we have to? No system call for one that environment_with()
 * hands to a user at the moment. */
bool environment_is_readable(char *const *envp);

/* For functions that start programs inside libc with the process's own environment (system, popen):
 * puts what is missing back into it, with libc's setenv. */
void environment_restore(enum library_wish wish);

#endif
