/*
 * Reads a watched process: its memory, and what /proc says about it. (Only the express lane is
 * written to it: express.h.) All of that is hostile: every length is limited here, and what was
 * read counts only if the announcement that it belongs to is still valid afterwards, since the pid
 * may be another process's.
 */
#ifndef FOOTPRINT_SUPERVISE_TARGET_H
#define FOOTPRINT_SUPERVISE_TARGET_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TARGET_NAME_SIZE 64 /* of "/proc/PID/fd/N" */

/* Does this error say that the process may not be looked at? */
static inline bool target_refuses(long error)
{
	return error == -EPERM || error == -EACCES;
}

/* Closes all open memories of callers: to be called when a program is executed, or time has
 * passed. */
void target_forget(void);

/* Reads exactly `size` bytes at `address`. 0 or a negative errno. */
int target_bytes(int pid, uint64_t address, void *to, size_t size);

/* Writes to the memory of `pid`, even to read-only code. 0 or a negative errno: the kernel forbids
 * it. Only while the announcement that this belongs to is valid. */
int target_write(int pid, uint64_t address, const void *from, size_t size);

/* The memory of `pid` may be another than before: it is opened anew. */
void target_renew(int pid);

/* A terminated string. Its length; -ENAMETOOLONG: none within `size`; another negative errno. */
long target_string(int pid, uint64_t address, char *to, size_t size);

/* Name of an entry below /proc/PID. `number`: of a descriptor, or -1. */
void target_name(char name[TARGET_NAME_SIZE], int pid, const char *entry, long number);

/* What a link below /proc/PID says, terminated. Its length or a negative errno. */
long target_link(int pid, const char *entry, long number, char *to, size_t size);

/* Bytes of a file below /proc/PID, as many as fit, and a NUL. How many, or a negative errno. */
long target_file(int pid, const char *entry, char *to, size_t size);

/* A value of the auxiliary vector (getauxval(3)). 0: there is none. */
uint64_t target_auxiliary(int pid, uint64_t type);

/* A field of /proc/PID/stat, counted from 1 as in proc(5). 0: it cannot be read. */
uint64_t target_stat(int pid, unsigned field);

/* The same of that file's text. */
uint64_t target_stat_field(const char *stat, unsigned field);

/* The number in column `column`, counted from 0, behind "Name:" in the text of /proc/PID/status. */
uint64_t target_status(const char *status, const char *name, unsigned column);

#endif
