/*
 * refuse WAY [exec|spawn|fexecve] PROGRAM [ARGUMENT]...: executes the program, has posix_spawnp do
 * it, or does it by a descriptor, where code may not be made writable, or a system call is deadly.
 * An empty file system hides the folder $HIDDEN, if that is set.
 *   mdwe     PR_SET_MDWE (Linux 6.3)
 *   systemd  the filter of MemoryDenyWriteExecute=yes: no right to execute is given later
 *   selinux  the answer of SELinux (execmem, execmod): nothing is writable and executable at once
 *   kill-N   whoever makes the system call of this number is killed
 *   lack-N   the kernel knows no system call of this number
 * 77: the kernel cannot.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif
#define MDWE_REFUSE_EXEC_GAIN 1
#define ARGUMENT(n)	      offsetof(struct seccomp_data, args[n])

static int install_program(struct sock_filter *code, size_t length)
{
	struct sock_fprog program = { (unsigned short)length, code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* mprotect with all of `rights` fails with `error`, and with it mmap of what is both. */
static int install(unsigned rights, unsigned error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 3, 6),
		/* mprotect */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(2)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, rights),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rights, 4, 3),
		/* mmap */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(2)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, PROT_WRITE | PROT_EXEC),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROT_WRITE | PROT_EXEC, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
	};

	return install_program(code, sizeof(code) / sizeof(code[0]));
}

/* The answer to one call. */
static int install_answer(unsigned number, unsigned answer)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return install_program(code, sizeof(code) / sizeof(code[0]));
}

/* Without a real refusal, the test would prove nothing. */
static int is_refused(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page != MAP_FAILED && mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) < 0;
}

static int refuse(const char *way)
{
	if (!strcmp(way, "mdwe"))
		return prctl(PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
	if (!strcmp(way, "systemd"))
		return install(PROT_EXEC, EPERM);
	if (!strcmp(way, "selinux"))
		return install(PROT_WRITE | PROT_EXEC, EACCES);
	if (!strncmp(way, "kill-", strlen("kill-")))
		return install_answer(
			(unsigned)atoi(way + strlen("kill-")), SECCOMP_RET_KILL_PROCESS);
	if (!strncmp(way, "lack-", strlen("lack-")))
		return install_answer(
			(unsigned)atoi(way + strlen("lack-")), SECCOMP_RET_ERRNO | ENOSYS);
	errno = EINVAL;
	return -1;
}

/* The exit status that a shell would report. */
static int spawn(char **argv)
{
	int pid, status;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) ||
		waitpid(pid, &status, 0) != pid)
		return 127;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* As root: in a namespace of mounts of our own. */
static int hide(const char *folder)
{
	return unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	       mount("none", folder, "tmpfs", 0, NULL);
}

int main(int argc, char **argv)
{
	const char *hidden = getenv("HIDDEN");

	if (argc < 3 || (hidden && hide(hidden)) || refuse(argv[1]))
		return 77;
	if (!strchr(argv[1], '-') && !is_refused())
		return 1;
	if (!strcmp(argv[2], "spawn"))
		return spawn(argv + 3);
	if (!strcmp(argv[2], "fexecve"))
		return fexecve(open(argv[3], O_RDONLY | O_CLOEXEC), argv + 3, environ) ? 127 : 0;
	argv += strcmp(argv[2], "exec") ? 2 : 3;
	execvp(argv[0], argv);
	return 127;
}
