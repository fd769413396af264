/*
 * What a program is, before it is executed: can it load the library? Reads its ELF header, and
 * follows #! lines, with system calls of our own that are not recorded. Answers are remembered by
 * device, inode and change time.
 */
#ifndef FOOTPRINT_PRELOAD_PROGRAMS_PROGRAM_H
#define FOOTPRINT_PRELOAD_PROGRAMS_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#define PROGRAM_PATH_SIZE 1024 /* bytes for the path of a program that is a gap; few are longer */

enum program_kind {
	PROGRAM_UNKNOWN, /* not there, not readable, not a program that we know */
	PROGRAM_DYNAMIC,
	PROGRAM_STATIC,	 /* no dynamic linker, so nothing reads LD_PRELOAD */
	PROGRAM_SETUID,	 /* gains privileges, so that its dynamic linker ignores our LD_PRELOAD */
	PROGRAM_FOREIGN, /* of another architecture, or 32-bit: cannot load this library */
};

/* Writes the absolute path of what a descriptor names. "": it is not known, or does not fit. */
void program_name(int fd, char *path, size_t size);

/*
 * Looks at the file that execve would run. flags: execveat's. If the answer is STATIC, SETUID or
 * FOREIGN, the absolute path of that program is written to `path_found` (room for `size` bytes):
 * the last of a chain of #! lines. "": it is not known, or does not fit.
 */
enum program_kind program_look(
	int dirfd, const char *path, int flags, char *path_found, size_t size);

/* Copies the path in the #! line of a program, as it stands there. False: it is no script, or
 * cannot be read. */
bool program_interpreter(const char *path, char *interpreter, size_t size);

/* Does this path mean the same to a process with another working directory and other
 * descriptors? */
bool program_path_lasts(const char *path);

/* What one system call says of a program, without opening it. */
enum program_glance {
	GLANCE_NONE, /* not there, or nothing that can be executed */
	GLANCE_MAY_BE,
	GLANCE_DYNAMIC, /* looked at before, and found to be PROGRAM_DYNAMIC */
};
enum program_glance program_glance(int dirfd, const char *path, int flags);

#endif
