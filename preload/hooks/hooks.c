#define _GNU_SOURCE

#include "preload/hooks/hooks.h"

/* All headers that declare functions of hooks.def, so that a row with a wrong prototype does not
 * compile. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/quota.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/swap.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#include "preload/hooks/early.h"
#include "preload/hooks/hooks_exec.h"
#include "preload/hooks/hooks_fd.h"
#include "preload/hooks/symbols.h"
#include "preload/record/calls.h"
#include "preload/sites/sites.h"
#include "preload/text.h"
#include "proto/system_calls.h"

/* musl has no names in "64" any more: on a 64-bit system, the plain function is the same. */
static void *find_plain(const char *name)
{
	char plain[32];
	size_t size = text_length(name);

	if (size < 3 || size - 2 >= sizeof(plain) || !text_equal(name + size - 2, "64"))
		return NULL;
	memcpy(plain, name, size - 2);
	plain[size - 2] = '\0';
	return symbol_next(plain);
}

void *hook_find(void **slot, const char *name)
{
	void *real = symbol_next(name);

	if (!real && early_relocate())
		real = symbol_next(name);
	if (!real)
		real = find_plain(name);
	__atomic_store_n(slot, real, __ATOMIC_RELAXED);
	return real;
}

bool hook_find_cover(enum hook_cover *cover, const char *name, const void *real)
{
	enum hook_cover found = HOOK_NOT_COVERED;

	if (!sites_active)
		return false;
	if (real && sites_cover(real, symbol_next_size(name, real)))
		found = HOOK_COVERED;
	__atomic_store_n(cover, found, __ATOMIC_RELAXED);
	return found == HOOK_COVERED;
}

bool hook_libc_is_glibc(void)
{
	static void *slot;

	return hook_real(&slot, "gnu_get_libc_version") != NULL;
}

syscall_function *hook_real_syscall(void)
{
	static void *slot;

	return (syscall_function *)hook_real(&slot, "syscall");
}

long hook_missing(void)
{
	*__errno_location() = ENOSYS;
	return -1;
}

bool hook_seen_inside(void)
{
	return sites_active;
}

static void returned(long number, long result, const long arguments[6], uint64_t ticket)
{
	call_after(number, arguments, result == -1 ? -*__errno_location() : result, ticket);
}

void hook_called(long number, long result, const long arguments[6])
{
	returned(number, result, arguments, 0);
}

struct mount_attr; /* not in every libc's headers */

/* With _GNU_SOURCE, glibc declares addresses as a union of pointers to all kinds of them. */
#define ADDRESS(address) (address).__sockaddr__

#define HOOK(type, name, parameters, arguments, number, ...)                                       \
	extern type name parameters;                                                               \
	FP_EXPORT type name parameters                                                             \
	{                                                                                          \
		REAL(name);                                                                        \
		COVERED(name, arguments);                                                          \
		type result = real_##name ? real_##name arguments : (type)hook_missing();          \
		hook_called(number, result, WORDS(__VA_ARGS__));                                   \
		return result;                                                                     \
	}

#define HOOK_AROUND(type, name, parameters, arguments, number, ...)                                \
	extern type name parameters;                                                               \
	FP_EXPORT type name parameters                                                             \
	{                                                                                          \
		REAL(name);                                                                        \
		COVERED(name, arguments);                                                          \
		uint64_t ticket = call_before(number, WORDS(__VA_ARGS__));                         \
		type result = real_##name ? real_##name arguments : (type)hook_missing();          \
		returned(number, result, WORDS(__VA_ARGS__), ticket);                              \
		return result;                                                                     \
	}

#define BARE(...) __VA_ARGS__
#define HOOK_YOUNG(type, name, parameters, arguments, number)                                      \
	extern type name parameters;                                                               \
	FP_EXPORT type name parameters                                                             \
	{                                                                                          \
		REAL(name);                                                                        \
		COVERED(name, arguments);                                                          \
		type result = real_##name ? real_##name arguments                                  \
					  : (type)hook_real_syscall()(number, BARE arguments);     \
		hook_called(number, result, WORDS(BARE arguments));                                \
		return result;                                                                     \
	}
#include "preload/hooks/hooks.def"

/* Calls by syscall() that cannot simply be passed on: those that start programs or close ranges go
 * to their hooks, even if this libc has no such function. */
static bool syscall_taken_over(long number, const long arguments[6], long *ret_result)
{
	switch (number) {
	case SYS_execve:
		*ret_result = execve((const char *)arguments[0], (char *const *)arguments[1],
			(char *const *)arguments[2]);
		return true;
	case SYS_execveat:
		*ret_result = execveat((int)arguments[0], (const char *)arguments[1],
			(char *const *)arguments[2], (char *const *)arguments[3],
			(int)arguments[4]);
		return true;
	case SYS_close_range:
		*ret_result = close_range(
			(unsigned)arguments[0], (unsigned)arguments[1], (int)arguments[2]);
		return true;
	case SYS_close:
	case SYS_dup:
	case SYS_dup2:
	case SYS_dup3:
	case SYS_fcntl:
		*ret_result = -1;
		return descriptor_is_ours((int)arguments[0]);
	default:
		return false;
	}
}

FP_EXPORT long syscall(long number, ...)
{
	syscall_function *real = hook_real_syscall();
	long arguments[6];
	uint64_t ticket;
	long result;
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	if (syscall_taken_over(number, arguments, &result))
		return result;
	if (!real)
		return hook_missing();
	ticket = call_before(number, arguments);
	result = real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
		arguments[5]);
	returned(number, result, arguments, ticket);
	return result;
}
