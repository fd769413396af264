/*
 * What a program is, before it is executed: can the library come along into it? Its ELF header is
 * read, through #! lines where they lead, with calls of our own that are never recorded. Answers
 * are remembered by device, inode and change time.
 */
#ifndef FOOTPRINT_PRELOAD_PROGRAMS_PROGRAM_H
#define FOOTPRINT_PRELOAD_PROGRAMS_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#define PROGRAM_PATH_SIZE 1024 /* for the path of a program that is a gap; longer ones are rare */

enum program_kind {
	PROGRAM_UNKNOWN, /* not there, not readable, not a program that we know */
	PROGRAM_DYNAMIC,
	PROGRAM_STATIC,	 /* no dynamic linker: LD_PRELOAD means nothing to it */
	PROGRAM_SETUID,	 /* with other privileges its dynamic linker takes no LD_PRELOAD from us */
	PROGRAM_FOREIGN, /* of another architecture, or 32-bit: cannot load this library */
};

/*
 * Looks at the file that execve would run. flags are execveat's. Where the answer is STATIC, SETUID
 * or FOREIGN, `path_found` (room for `size` bytes) gets the absolute path of the program it is
 * about, the last of a chain of #! lines, or "": it cannot be told, or does not fit.
 */
enum program_kind program_look(
	int dirfd, const char *path, int flags, char *path_found, size_t size);

/* The path that the #! line of a program names, as it stands there. False: it is no script, or
 * cannot be read. */
bool program_interpreter(const char *path, char *interpreter, size_t size);

/* Does a path mean the same to a child that stands elsewhere and has other descriptors? */
bool program_path_lasts(const char *path);

/* What can be told without opening it, by one system call. A doubtful case may be one. */
enum program_glance {
	GLANCE_NONE, /* not there, or nothing that is executed */
	GLANCE_MAY_BE,
	GLANCE_DYNAMIC, /* looked at before */
};
enum program_glance program_glance(int dirfd, const char *path, int flags);

#endif
