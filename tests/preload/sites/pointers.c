/* Calls with bad pointers and numbers: the kernel's answer is theirs, not a crash. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void answer(const char *what, long result)
{
	printf("%s: %ld %d\n", what, result, result < 0 ? errno : 0);
}

/* A path that begins where memory is, and goes on where there is none. */
static const char *make_cut(void)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *cut = pages + 4096 - 5;

	munmap(pages + 4096, 4096);
	return memcpy(cut, "/etc/", 5);
}

int main(void)
{
	const char *bad = (const char *)8, *cut = make_cut();
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
