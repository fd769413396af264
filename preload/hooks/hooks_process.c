/*
 * Functions that make and end processes, and those that install filters, after which the library
 * makes no system calls. vfork itself is in hooks_vfork.S.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <linux/seccomp.h>
#include <pty.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "preload/hooks/hooks.h"
#include "preload/programs/filters.h"
#include "preload/rawcall.h"
#include "preload/record/recorder.h"

/* Not in every libc's headers. */
extern pid_t _Fork(void);
extern pid_t __fork(void);
extern pid_t __libc_fork(void);
extern int __clone(int (*function)(void *), void *stack, int flags, void *argument, ...);

#define FORK(name)                                                                                 \
	FP_EXPORT pid_t name(void)                                                                 \
	{                                                                                          \
		REAL(name);                                                                        \
		pid_t pid;                                                                         \
		record_fork_begin();                                                               \
		pid = real_##name ? real_##name() : (pid_t)hook_missing();                         \
		record_fork_end(pid);                                                              \
		return pid;                                                                        \
	}

FORK(fork)
FORK(_Fork)
FORK(__fork)
FORK(__libc_fork)

FP_EXPORT int forkpty(
	int *master, char *name, const struct termios *terminal, const struct winsize *size)
{
	REAL(forkpty);
	int pid;

	record_fork_begin();
	pid = real_forkpty ? real_forkpty(master, name, terminal, size) : (int)hook_missing();
	record_fork_end(pid);
	return pid;
}

/* daemon() forks, once or twice, and only the last child returns. The parents end inside of it, so
 * the goodbye of this process must be said before. */
FP_EXPORT int daemon(int keep_directory, int keep_streams)
{
	REAL(daemon);
	int result;

	record_fork_begin();
	record_goodbye();
	result = real_daemon ? real_daemon(keep_directory, keep_streams) : (int)hook_missing();
	if (result < 0)
		record_goodbye_undo();
	record_fork_end(result);
	record_directory_unknown();
	return result;
}

/* What a process that clone() makes without CLONE_VM starts with. It has a copy of its parent's
 * stack, where this stands. */
struct clone_start {
	int (*function)(void *argument);
	void *argument;
	int flags;
};

static int clone_begins(void *context)
{
	const struct clone_start start = *(const struct clone_start *)context;
	int status;

	record_fork_end(0);
	if (start.flags & CLONE_NEWNS)
		record_mounts_apart();
	status = start.function(start.argument);
	record_end();
	return status;
}

typedef int clone_function(int (*)(void *), void *, int, void *, ...);

static int cloned(clone_function *real, const struct clone_start *start, void *stack, int flags,
	void *const words[3])
{
	bool forks = !(flags & CLONE_VM) && start->function && stack;
	int pid;

	if (!real)
		return (int)hook_missing();
	record_clone_begins((unsigned)flags);
	if (!forks)
		pid = real(start->function, stack, flags, start->argument, words[0], words[1],
			words[2]);
	else {
		record_fork_begin();
		pid = real(clone_begins, stack, flags, (void *)(uintptr_t)start, words[0], words[1],
			words[2]);
		record_fork_end(pid);
	}
	if (pid > 0 && flags & CLONE_VFORK)
		record_vfork_end();
	return pid;
}

/* The last three (parent's tid, tls, child's tid) are passed if the flags say so. Reading them in
 * any case does no harm; libc does so, too. */
#define CLONE(name)                                                                                \
	FP_EXPORT int name(int (*function)(void *), void *stack, int flags, void *argument, ...)   \
	{                                                                                          \
		REAL(name);                                                                        \
		const struct clone_start start = { function, argument, flags };                    \
		void *words[3];                                                                    \
		va_list list;                                                                      \
		va_start(list, argument);                                                          \
		for (int i = 0; i < 3; i++)                                                        \
			words[i] = va_arg(list, void *);                                           \
		va_end(list);                                                                      \
		return cloned(real_##name, &start, stack, flags, words);                           \
	}

CLONE(clone)
CLONE(__clone)

#define EXIT(name)                                                                                 \
	FP_EXPORT __attribute__((noreturn)) void name(int status)                                  \
	{                                                                                          \
		REAL(name);                                                                        \
		record_end();                                                                      \
		if (real_##name)                                                                   \
			real_##name(status);                                                       \
		for (;;)                                                                           \
			rawcall3(SYS_exit_group, status, 0, 0);                                    \
	}

EXIT(_exit)
EXIT(_Exit)
EXIT(quick_exit)

/* A filter may kill the process for a call that it does not expect, so after it we make none. */
FP_EXPORT int prctl(int option, ...)
{
	REAL(prctl);
	long words[4];
	va_list list;
	int result;

	va_start(list, option);
	for (int i = 0; i < 4; i++)
		words[i] = va_arg(list, long);
	va_end(list);
	if (option == PR_SET_SECCOMP)
		record_filter_begins(words[0] == SECCOMP_MODE_STRICT || words[1]);
	result = real_prctl ? real_prctl(option, words[0], words[1], words[2], words[3])
			    : (int)hook_missing();
	if (option == PR_SET_SECCOMP && result == 0)
		filter_installed(words[0] == SECCOMP_MODE_FILTER ? (const void *)words[1] : NULL);
	return result;
}
