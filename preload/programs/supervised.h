/*
 * Static programs, which the library cannot enter: just before one is executed a supervisor is
 * started beside it, and told of its system calls by the kernel (supervise/).
 *
 *   this process                        footprint-supervise
 *   clone, clone, execve ───────────►   begins, no child of ours (clone with no exit signal)
 *   greeting: who we are ───────────►   can it read our memory?
 *                       ◄───────────    yes
 *   filter installed, listener ─────►   guardian and worker hold it
 *                       ◄───────────    listening
 *   execve
 *
 * Works in a vfork child (it changes none of the parent's memory) and on a small stack, without
 * malloc. Whatever fails before the filter stands leaves the process as it was, and a gap.
 */
#ifndef FOOTPRINT_PRELOAD_PROGRAMS_SUPERVISED_H
#define FOOTPRINT_PRELOAD_PROGRAMS_SUPERVISED_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/programs/program.h"

#define SUPERVISOR_NAME "footprint-supervise" /* beside the library */

/* Is there anything to be said of it, and to be supervised? Without a system call where none may be
 * made. */
enum program_glance supervised_glance(int dirfd, const char *path, int flags);

/* Around an exec that a hook makes through libc, of a program that it has found to be of this kind.
 * The site in libc, which gets the same pointer, need not look again where the library can enter
 * it. Once. */
void supervised_expect(const char *path, enum program_kind kind);
bool supervised_is_expected(const char *path);
void supervised_expect_no_more(void);

/* The calling process is about to execute this; flags are execveat's. Answers what it is. */
enum program_kind supervised_exec(int dirfd, const char *path, int flags);

/* What is said on the socket pair, whole messages. */
#define SUPERVISED_MAGIC 0x5355504552564953ull
struct supervised_greeting {
	uint64_t magic;
	uint64_t address; /* of such a greeting in the memory of `pid`: can it be read? */
	int32_t pid;
};
struct supervised_answer {
	int32_t error; /* 0, or why it cannot supervise: a negative errno */
	int32_t pid;
};

/* Where a supervisor may be waiting for work: the abstract socket for this user, these namespaces,
 * this root directory and these settings ("NAME=value", NULL-terminated). Returns its size. */
struct sockaddr_un;
unsigned supervised_address(
	struct sockaddr_un *ret, const char *const *settings, const char *library);

/* May a program of the caller's be supervised? NULL: yes. Else why not, in words. wish:
 * FOOTPRINT_SUPERVISE, which may be NULL. *ret_no_new_privileges: for supervised_begin(). */
const char *supervised_refused(const char *wish, bool *ret_no_new_privileges);

/* What supervised_begin() answers when nobody did in time: no time is left to ask another. */
extern const char supervised_late[];

/* Sends the listener, past the filter. 0 or a negative errno. */
int supervised_send_listener(int socket, int listener);

/* Says the greeting and waits for the answer; then the filter, then the listener, and the word that
 * all is watched. NULL: it is so. Else why not, in words. */
const char *supervised_begin(int socket, void *filter_room, bool no_new_privileges);

#endif
