/*
 * brokered: looks for files as the sandboxed processes of browsers do. A helper that shares the
 * root makes it an empty directory in /proc, a filter stops calls that name files, and a handler of
 * the signal has them made by somebody outside: here by a descriptor that was opened before, for
 * "file" alone. Exit status 77: not allowed to do so.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"

static const char *name;
static int file;

static int go_to_proc(void *unused)
{
	(void)unused;
	return chroot("/proc/self/fdinfo") || chdir("/");
}

static void leave_root(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	pid_t helper = clone(go_to_proc, stack + sizeof(stack), CLONE_FS | SIGCHLD, NULL);
	int status;

	CHECK(helper > 0 && waitpid(helper, &status, 0) == helper);
	if (status)
		exit(77);
}

static void ask_broker(int number, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	const char *path = (const char *)registers[REG_RSI];

	(void)number, (void)info;
	registers[REG_RAX] = strcmp(path, name) ? -ENOENT : dup(file);
}

static void install_filter(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };
	struct sigaction action = { .sa_sigaction = ask_broker, .sa_flags = SA_SIGINFO };

	CHECK(sigaction(SIGSYS, &action, NULL) == 0);
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

int main(int argc, char **argv)
{
	char byte;

	CHECK(argc == 2);
	name = argv[1];
	file = open(name, O_RDONLY | O_NOATIME);
	CHECK(file >= 0);
	leave_root();
	install_filter();
	CHECK(access(name, F_OK) < 0);
	CHECK(read(open(name, O_RDWR), &byte, 1) == 1);
	CHECK(open("/nowhere-brokered", O_RDONLY) < 0 && errno == ENOENT);
	return 0;
}
