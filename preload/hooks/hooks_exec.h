/*
 * Starting programs: what exec and spawn have in common.
 */
#ifndef FOOTPRINT_PRELOAD_HOOKS_HOOKS_EXEC_H
#define FOOTPRINT_PRELOAD_HOOKS_HOOKS_EXEC_H

#include "preload/hooks/environment.h"
#include "preload/programs/program.h"

#define SHELL "/bin/sh" /* of system, popen and execvp, in either libc */

/* To be called before a program is started. If it cannot be watched, records a gap. Says whether
 * its environment should name the library, and what kind of program it is. flags: execveat's. */
enum library_wish exec_announce(
	int dirfd, const char *path, int flags, enum program_kind *ret_kind);

/* Exported here as by libc; for the hooks that lead to it. */
extern int execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags);

#endif
