/*
 * Static programs, which cannot load the library. Just before one is executed, a supervisor is
 * started beside it, to which the kernel announces the program's system calls (supervise/).
 *
 *   this process                        footprint-supervise
 *   clone, clone, execve ───────────►   begins, no child of ours (clone with no exit signal)
 *   greeting: who we are ───────────►   can it read our memory?
 *                       ◄───────────    yes
 *   filter installed, listener ─────►   guardian and worker hold it
 *                       ◄───────────    listening
 *   execve
 *
 * This works in a vfork child (it changes none of the parent's memory), on a small stack, and
 * without malloc. If anything fails before the filter is installed, the process is as it was
 * before, and there is a gap.
 */
#ifndef FOOTPRINT_PRELOAD_PROGRAMS_SUPERVISED_H
#define FOOTPRINT_PRELOAD_PROGRAMS_SUPERVISED_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/programs/program.h"

#define SUPERVISOR_NAME "footprint-supervise" /* beside the library */

/* program_glance(), but without a system call where none may be made. */
enum program_glance supervised_glance(int dirfd, const char *path, int flags);

/* For a hook that has looked at a program already, and executes it through libc: the site in libc,
 * which gets the same pointer, need not look again if the library can enter the program. The answer
 * of supervised_is_expected() is true only once. */
void supervised_expect(const char *path, enum program_kind kind);
bool supervised_is_expected(const char *path);
void supervised_expect_no_more(void);

/* The calling process is about to execute this program: has it supervised, if it is static. flags:
 * execveat's. Returns what kind of program it is. */
enum program_kind supervised_exec(int dirfd, const char *path, int flags);

/* The messages on the socket pair. */
#define SUPERVISED_MAGIC 0x5355504552564953ull
struct supervised_greeting {
	uint64_t magic;
	/* Of this greeting in the memory of `pid`, for the supervisor to try to read. */
	uint64_t address;
	int32_t pid;
};
struct supervised_answer {
	int32_t error; /* 0, or a negative errno: it cannot supervise this process */
	int32_t pid;
};

/* The abstract socket on which a running supervisor waits for work: one for each user, set of
 * namespaces, root directory and settings ("NAME=value", NULL-terminated). Returns the address's
 * size in bytes. */
struct sockaddr_un;
unsigned supervised_address(
	struct sockaddr_un *ret, const char *const *settings, const char *library);

/* May a program of the caller be supervised? NULL: yes. Otherwise why not, in words. wish:
 * FOOTPRINT_SUPERVISE, which may be NULL. *ret_no_new_privileges: for supervised_begin(). */
const char *supervised_refused(const char *wish, bool *ret_no_new_privileges);

/* What supervised_begin() returns if nobody has answered in time. No time is left to ask
 * another. */
extern const char supervised_late[];

/* Sends the greeting, waits for the answer, installs the filter, sends the listener, and waits for
 * the word that the supervisor listens. NULL: this process is supervised. Otherwise why not, in
 * words. */
const char *supervised_begin(int socket, void *filter_room, bool no_new_privileges);

#endif
