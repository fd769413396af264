#define _GNU_SOURCE
#include "preload/programs/supervised_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "preload/rawcall.h"
#include "preload/record/calls_table.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* Linux 5.19 */
#endif

/* A prctl that no kernel knows, so that only our filter answers it like this. */
#define QUESTION     0x46505356 /* "FPSV" */
#define ANSWER_ERRNO EBADRQC

#define PROGRAM_MAX	    (SUPERVISED_FILTER_SIZE / sizeof(struct sock_filter))
#define LOW_HALF(argument)  (offsetof(struct seccomp_data, args) + 8 * (argument))
#define HIGH_HALF(argument) (LOW_HALF(argument) + 4)

struct program {
	struct sock_filter *code;
	unsigned short count;
};

static void add(struct program *program, struct sock_filter instruction)
{
	if (program->count < PROGRAM_MAX)
		program->code[program->count] = instruction;
	program->count++;
}

static void load(struct program *program, unsigned offset)
{
	add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

static void answer(struct program *program, unsigned action)
{
	add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* Skips the next `skipped` instructions unless the value is equal. */
static void unless_equal(struct program *program, unsigned value, unsigned char skipped)
{
	add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skipped));
}

bool supervised_filter_is_of_rights(long number)
{
	switch (number) {
	case SYS_setuid:
	case SYS_setgid:
	case SYS_setreuid:
	case SYS_setregid:
	case SYS_setresuid:
	case SYS_setresgid:
	case SYS_setfsuid:
	case SYS_setfsgid:
	case SYS_setgroups:
		return true;
	default:
		return false;
	}
}

/* Is this call announced, whatever its arguments? */
static bool is_always_announced(long number)
{
	switch (call_of(number)->means) {
	case PATH:
	case TWO_PATHS:
	case OPEN:
	case CREATE:
	case OPEN_HOW:
	case WATCH:
	case EXECUTE:
	case ADDRESS:
	case SEND_SEVERAL:
	case ROOT:
	case UNSHARE:
	case ENTER:
	case END:
	case RING:
	case HANDLE:
	case DIRECTORY:
		return true;
	default:
		/* arch_prctl is the first call of a libc, and says that a program has begun.
		 * seccomp: after a filter of its own, nothing but the program's own calls may be
		 * made in it. */
		return number == SYS_arch_prctl || number == SYS_seccomp ||
		       supervised_filter_is_of_rights(number);
	}
}

/* sendto is announced if it has an address, sendmsg unless it is our own, and prctl if it installs
 * a filter. prctl(QUESTION) is answered. */
static void add_special(struct program *program)
{
	unless_equal(program, SYS_sendto, 5);
	load(program, LOW_HALF(4));
	unless_equal(program, 0, 2);
	load(program, HIGH_HALF(4));
	add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0));
	answer(program, SECCOMP_RET_USER_NOTIF);

	load(program, offsetof(struct seccomp_data, nr));
	unless_equal(program, SYS_sendmsg, 3);
	load(program, LOW_HALF(2));
	add(program, (struct sock_filter)BPF_JUMP(
			     BPF_JMP | BPF_JEQ | BPF_K, SUPERVISED_SEND_FLAGS, 1, 0));
	answer(program, SECCOMP_RET_USER_NOTIF);

	load(program, offsetof(struct seccomp_data, nr));
	unless_equal(program, SYS_prctl, 5);
	load(program, LOW_HALF(0));
	unless_equal(program, PR_SET_SECCOMP, 1);
	answer(program, SECCOMP_RET_USER_NOTIF);
	unless_equal(program, QUESTION, 1);
	answer(program, SECCOMP_RET_ERRNO | ANSWER_ERRNO);
	answer(program, SECCOMP_RET_ALLOW);
}

/* The calls that are repeated most come first in the filter. */
static const unsigned short first_numbers[] = { SYS_openat, SYS_newfstatat, SYS_open, SYS_stat,
	SYS_access, SYS_readlink, SYS_readlinkat, SYS_lstat, SYS_statx, SYS_faccessat2,
	SYS_faccessat };
#define FIRST_NUMBERS (sizeof(first_numbers) / sizeof(first_numbers[0]))

static bool is_first(long number)
{
	for (unsigned i = 0; i < FIRST_NUMBERS; i++)
		if (first_numbers[i] == number)
			return true;
	return false;
}

/* Announces these calls, except those that the express lane makes. The jumps for all numbers come
 * before the load of the instruction pointer: for a number whose answer depends on anything else,
 * the kernel cannot cache the answer. */
static void add_first(struct program *program)
{
	for (unsigned i = 0; i < FIRST_NUMBERS; i++)
		add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
				     first_numbers[i], (unsigned char)(FIRST_NUMBERS - i), 0));
	add(program, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 4));
	load(program, (unsigned)offsetof(struct seccomp_data, instruction_pointer));
	unless_equal(program, SUPERVISED_EXPRESS_LOW + SUPERVISED_EXPRESS_RETURN, 1);
	answer(program, SECCOMP_RET_ALLOW);
	answer(program, SECCOMP_RET_USER_NOTIF);
}

/* 32-bit calls pass unseen, since their numbers mean other calls. */
static void build(struct program *program)
{
	load(program, offsetof(struct seccomp_data, arch));
	add(program,
		(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
	answer(program, SECCOMP_RET_ALLOW);
	load(program, offsetof(struct seccomp_data, nr));
	add_first(program);
	for (long number = 0; number < CALL_COUNT; number++) {
		if (!is_always_announced(number) || is_first(number))
			continue;
		unless_equal(program, (unsigned)number, 1);
		answer(program, SECCOMP_RET_USER_NOTIF);
	}
	add_special(program);
}

bool supervised_filter_announces(long number)
{
	return is_always_announced(number) || number == SYS_sendto || number == SYS_sendmsg;
}

bool supervised_filter_stands(void)
{
	return rawcall6(SYS_prctl, QUESTION, 0, 0, 0, 0, 0) == -ANSWER_ERRNO;
}

static bool has(const struct __user_cap_data_struct data[2], unsigned capability)
{
	return data[capability / 32].effective >> capability % 32 & 1;
}

/* Does no_new_privs, under which a set-uid program gets no other ids, make no difference here? That
 * is so for a root that may take any id anyway. And where CAP_SYS_ADMIN is out of reach for good,
 * as in a container or a confined service, no set-uid program gives full root rights either. */
static bool privileges_are_not_needed(const struct __user_cap_data_struct data[2])
{
	if (rawcall3(SYS_getuid, 0, 0, 0) == 0 && rawcall3(SYS_geteuid, 0, 0, 0) == 0 &&
		has(data, CAP_SETUID) && has(data, CAP_SETGID))
		return true;
	return rawcall6(SYS_prctl, PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0, 0) == 0;
}

int supervised_filter_permitted(bool allowed, bool *ret_no_new_privileges)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	*ret_no_new_privileges = false;
	if (rawcall6(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0) == 1)
		return 0;
	if (rawcall3(SYS_capget, (long)&header, (long)data, 0) < 0)
		return -EPERM;
	if (has(data, CAP_SYS_ADMIN))
		return 0;
	*ret_no_new_privileges = true;
	return allowed || privileges_are_not_needed(data) ? 0 : -EPERM;
}

/* A signal should not interrupt a call that it would not interrupt without us. Where the kernel can
 * do that (WAIT_KILLABLE_RECV), the caller waits for the answer as it would wait for a disk. What
 * remains is the moment until the worker has received the announcement. */
int supervised_filter_install(void *room, bool no_new_privileges)
{
	struct program program = { room, 0 };
	struct sock_fprog installed;
	long listener;

	build(&program);
	if (program.count > PROGRAM_MAX)
		return -E2BIG;
	installed = (struct sock_fprog){ program.count, program.code };
	if (no_new_privileges && rawcall6(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0) < 0)
		return -EPERM;
	listener = rawcall3(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		(long)&installed);
	if (listener == -EINVAL)
		listener = rawcall3(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			SECCOMP_FILTER_FLAG_NEW_LISTENER, (long)&installed);
	return (int)listener;
}
