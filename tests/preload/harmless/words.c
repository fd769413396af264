/*
 * System calls with something in the upper half of the registers of their int arguments, which the
 * kernel ignores. If such a call installs a filter that kills for one of the library's calls, that
 * has to be noticed like any other.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define UPPER_HALF (0x5a5aL << 32)

/* The library calls getpid when it remembers a directory. */
static void install(const char *how, long number, long first, long second)
{
	struct sock_filter code[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					      offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (syscall(number, first, second, &program))
			_exit(2);
		_exit(open("/etc", O_RDONLY | O_DIRECTORY) < 0);
	}
	waitpid(pid, &status, 0);
	printf("%s: child's status %#x\n", how, status);
}

int main(void)
{
	install("prctl", SYS_prctl, UPPER_HALF | PR_SET_SECCOMP, SECCOMP_MODE_FILTER);
	install("seccomp", SYS_seccomp, UPPER_HALF | SECCOMP_SET_MODE_FILTER, 0);
	return 0;
}
