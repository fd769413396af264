/* Calls with bad pointers and numbers: the kernel's answer is theirs, not a crash. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void answer(const char *what, long result)
{
	printf("%s: %ld %d\n", what, result, result < 0 ? errno : 0);
}

int main(void)
{
	const char *bad = (const char *)8;
	char *arguments[] = { "x", NULL };

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
	answer("number", syscall(9999));
	answer("negative number", syscall(-5));
	return 0;
}
