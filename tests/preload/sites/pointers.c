/*
 * Calls with bad pointers and numbers must return the kernel's error and not crash. This includes
 * calls that are refused before anything is looked at: for lack of permission, by a tracer, and by
 * a filter.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define REFUSED_BY_TRACER (-ESRCH)

static void answer(const char *what, long result)
{
	printf("%s: %ld %d\n", what, result, result < 0 ? errno : 0);
}

/* A path that begins in mapped memory and goes on where there is none. */
static const char *make_cut(void)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *cut = pages + 4096 - 5;

	munmap(pages + 4096, 4096);
	return memcpy(cut, "/etc/", 5);
}

/* By number, because it is not about what libc's functions do before the call. */
static void ask(const char *bad)
{
	answer("open", syscall(SYS_open, bad, O_RDONLY));
	answer("openat2", syscall(SYS_openat2, AT_FDCWD, "/etc", bad, 24));
	answer("creat", syscall(SYS_creat, bad, 0600));
	answer("stat", syscall(SYS_stat, bad, bad));
	answer("chdir", syscall(SYS_chdir, bad));
	answer("chroot", syscall(SYS_chroot, bad));
	answer("pivot_root", syscall(SYS_pivot_root, bad, bad));
	answer("link", syscall(SYS_link, bad, bad));
	answer("inotify", syscall(SYS_inotify_add_watch, 0, bad, 1));
	answer("swapon", syscall(SYS_swapon, bad, 0));
	answer("acct", syscall(SYS_acct, bad));
	answer("connect", syscall(SYS_connect, 0, bad, 16));
	answer("sendto", syscall(SYS_sendto, 0, bad, 1, 0, bad, 16));
	answer("sendmsg", syscall(SYS_sendmsg, 0, bad, 0));
	answer("sendmmsg", syscall(SYS_sendmmsg, 0, bad, 1, 0));
}

static void without_rights(const char *bad)
{
	if (syscall(SYS_setresuid, 65534, 65534, 65534) && geteuid() == 0)
		abort();
	ask(bad);
}

static void traced(const char *bad)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	ask(bad);
}

/* Skips all calls that have a bad pointer. */
static void trace(pid_t pid)
{
	struct user_regs_struct registers;
	int status, refused = 0;

	for (int enters = 1; waitpid(pid, &status, 0) == pid && WIFSTOPPED(status);
		enters = !enters) {
		if (WSTOPSIG(status) == SIGSEGV)
			kill(pid, SIGKILL);
		ptrace(PTRACE_GETREGS, pid, NULL, &registers);
		if (WSTOPSIG(status) == SIGSTOP)
			enters = 0;
		else if (enters && registers.orig_rax != SYS_rt_sigprocmask &&
			 (registers.rdi == 8 || registers.rsi == 8)) {
			registers.orig_rax = -1;
			ptrace(PTRACE_SETREGS, pid, NULL, &registers);
			refused = 1;
		} else if (refused) {
			registers.rax = REFUSED_BY_TRACER;
			ptrace(PTRACE_SETREGS, pid, NULL, &registers);
			refused = 0;
		}
		ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	}
	printf("traced: %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

/* All other calls are refused. */
static void filtered(const char *bad)
{
	static const int allowed[] = { SYS_write, SYS_exit_group };
	struct sock_filter code[6] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0) };
	struct sock_fprog program = { 6, code };

	for (int i = 0; i < 2; i++) {
		code[1 + 2 * i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ, allowed[i], 0, 1);
		code[2 + 2 * i] = (struct sock_filter)BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW);
	}
	code[5] = (struct sock_filter)BPF_STMT(BPF_RET, SECCOMP_RET_ERRNO | EPERM);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		abort();
	ask(bad);
}

static void apart(const char *what, void (*function)(const char *), const char *bad)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		function(bad);
		fflush(stdout);
		_exit(0);
	}
	if (function == traced)
		trace(pid);
	else
		waitpid(pid, &status, 0);
	printf("%s: %d\n", what, status);
}

int main(void)
{
	const char *volatile nowhere =
		(const char *)8; /* volatile, so that the compiler does not warn */
	const char *bad = nowhere, *cut = make_cut();
	char *arguments[] = { "x", NULL };

	apart("without rights", without_rights, bad);
	apart("traced", traced, bad);
	apart("filtered", filtered, bad);
	answer("execve", execve(bad, arguments, arguments));
	answer("open", open(bad, O_RDONLY));
	answer("openat2", syscall(SYS_openat2, AT_FDCWD, "/etc", bad, 24));
	answer("connect", connect(0, (const void *)bad, 16));
	answer("sendmsg", sendmsg(0, (const void *)bad, 0));
	answer("sendto", sendto(0, bad, 1, 0, (const void *)bad, 16));
	answer("rename", syscall(SYS_rename, bad, "/x"));
	answer("rename to", syscall(SYS_rename, "/nonexistent/a", bad));
	answer("link", syscall(SYS_link, "/nonexistent/a", bad));
	answer("pivot_root", syscall(SYS_pivot_root, "/nonexistent/a", bad));
	answer("link, cut", syscall(SYS_link, "/nonexistent/a", cut));
	answer("pivot_root, cut", syscall(SYS_pivot_root, "/nonexistent/a", cut));
	answer("rename, cut", syscall(SYS_rename, "/nonexistent/a", cut));
	answer("open, cut", open(cut, O_RDONLY));
	answer("execve, cut", execve(cut, arguments, arguments));
	answer("clone3, cut", syscall(SYS_clone3, cut, 88));
	answer("clone3, cut and short", syscall(SYS_clone3, cut, 8));
#ifdef __GLIBC__
	glob_t found;

	answer("glob of nothing", glob(NULL, 0, NULL, &found));
	answer("glob to nowhere", glob("/", GLOB_DOOFFS, NULL, NULL));
#endif
	answer("number", syscall(9999));
	answer("negative number", syscall(-5));
	return 0;
}
