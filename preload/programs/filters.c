#define _GNU_SOURCE
#include "preload/programs/filters.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/image.h"
#include "preload/record/recorder.h"
#include "preload/text.h"
#include "proto/system_calls.h"

/* Every system call that the library makes for itself, in a process that does not know of a filter.
 * (tests/preload/test_own_calls.py compares this with the sources.) */
static const int own_calls[] = { SYS_access, SYS_capget, SYS_chmod, SYS_clock_gettime, SYS_clone,
	SYS_close, SYS_connect, SYS_faccessat, SYS_faccessat2, SYS_fcntl, SYS_fgetxattr, SYS_flock,
	SYS_fstat, SYS_fstatfs, SYS_ftruncate, SYS_getcwd, SYS_getegid, SYS_geteuid, SYS_getgid,
	SYS_getpid, SYS_getppid, SYS_getrandom, SYS_getsockopt, SYS_getuid, SYS_lseek, SYS_madvise,
	SYS_memfd_create, SYS_mkdir, SYS_mmap, SYS_mprotect, SYS_mremap, SYS_munmap, SYS_newfstatat,
	SYS_openat, SYS_poll, SYS_prctl, SYS_pread64, SYS_prlimit64, SYS_pwrite64, SYS_pwritev,
	SYS_read, SYS_readlink, SYS_recvfrom, SYS_recvmsg, SYS_rename, SYS_rt_sigprocmask,
	SYS_seccomp, SYS_sendmsg, SYS_sendto, SYS_set_tid_address, SYS_socket, SYS_socketpair,
	SYS_statx, SYS_uname, SYS_unlink, SYS_wait4, SYS_write, SYS_writev };

/* The registers of classic BPF. */
struct machine {
	uint32_t a, x, memory[BPF_MEMWORDS];
};

static uint32_t load(const struct machine *machine, const struct sock_filter *op,
	const struct seccomp_data *data)
{
	uint32_t word = 0;

	switch (BPF_MODE(op->code)) {
	case BPF_ABS:
		if (op->k <= sizeof(*data) - sizeof(word))
			memcpy(&word, (const char *)data + op->k, sizeof(word));
		return word;
	case BPF_MEM:
		return machine->memory[op->k % BPF_MEMWORDS];
	case BPF_LEN:
		return sizeof(*data);
	default:
		return op->k;
	}
}

static uint32_t calculate(uint16_t code, uint32_t a, uint32_t operand)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
		return a + operand;
	case BPF_SUB:
		return a - operand;
	case BPF_MUL:
		return a * operand;
	case BPF_DIV:
		return operand ? a / operand : 0;
	case BPF_AND:
		return a & operand;
	case BPF_OR:
		return a | operand;
	case BPF_XOR:
		return a ^ operand;
	case BPF_LSH:
		return a << (operand & 31);
	case BPF_RSH:
		return a >> (operand & 31);
	default:
		return -a;
	}
}

/* How many instructions a jump skips. */
static uint32_t jump(const struct sock_filter *op, uint32_t a, uint32_t operand)
{
	bool taken;

	switch (BPF_OP(op->code)) {
	case BPF_JEQ:
		taken = a == operand;
		break;
	case BPF_JGT:
		taken = a > operand;
		break;
	case BPF_JGE:
		taken = a >= operand;
		break;
	case BPF_JSET:
		taken = a & operand;
		break;
	default:
		return op->k;
	}
	return taken ? op->jt : op->jf;
}

/* The filter's answer to a call. The kernel has accepted the filter, so it comes to an end. */
static uint32_t answer(const struct sock_fprog *program, const struct seccomp_data *data)
{
	struct machine machine = { 0 };

	for (uint32_t at = 0; at < program->len; at++) {
		const struct sock_filter *op = &program->filter[at];
		uint32_t operand = BPF_SRC(op->code) == BPF_X ? machine.x : op->k;

		switch (BPF_CLASS(op->code)) {
		case BPF_LD:
			machine.a = load(&machine, op, data);
			break;
		case BPF_LDX:
			machine.x = load(&machine, op, data);
			break;
		case BPF_ST:
			machine.memory[op->k % BPF_MEMWORDS] = machine.a;
			break;
		case BPF_STX:
			machine.memory[op->k % BPF_MEMWORDS] = machine.x;
			break;
		case BPF_ALU:
			machine.a = calculate(op->code, machine.a, operand);
			break;
		case BPF_JMP:
			at += jump(op, machine.a, operand);
			break;
		case BPF_RET:
			return BPF_RVAL(op->code) == BPF_A ? machine.a : op->k;
		default:
			if (BPF_MISCOP(op->code) == BPF_TAX)
				machine.x = machine.a;
			else
				machine.a = machine.x;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}

/* Can we go on after this answer? An error is harmless; a signal is not, nor is a tracer or
 * listener that is asked. */
static bool lives_with(uint32_t action)
{
	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_ERRNO:
		return true;
	default:
		return false;
	}
}

/* Does the filter let all our calls live? Their arguments are taken to be 0: filters that look at
 * arguments do so for other calls than ours. */
static bool lets_us_live(const struct sock_fprog *program)
{
	for (size_t i = 0; i < sizeof(own_calls) / sizeof(own_calls[0]); i++) {
		struct seccomp_data data = { .nr = own_calls[i], .arch = AUDIT_ARCH_X86_64 };

		if (!lives_with(answer(program, &data)))
			return false;
	}
	return true;
}

void filter_installed(const void *program)
{
	if (!program || !lets_us_live(program))
		image.unwelcome = true;
	record_memory_only();
}
