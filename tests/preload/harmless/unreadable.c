/*
 * Environments that cannot be read: the kernel returns EFAULT. Some programs are started first, so
 * that an aggregator, if there is one, lends a pool.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "/bin/true"

static char *arguments[] = { "true", NULL };

static int execute(int how, char **environment)
{
	pid_t pid;

	switch (how) {
	case 0:
		execve(PROGRAM, arguments, environment);
		break;
	case 1:
		execvpe("true", arguments, environment);
		break;
	case 2:
		execveat(AT_FDCWD, PROGRAM, arguments, environment, 0);
		break;
	case 3:
		syscall(SYS_execve, PROGRAM, arguments, environment);
		break;
	default:
		return posix_spawn(&pid, PROGRAM, NULL, NULL, arguments, environment);
	}
	return errno;
}

static void try(const char *what, char **environment)
{
	for (int how = 0; how < 5; how++) {
		pid_t pid = fork();
		int status = -1;

		if (pid == 0)
			_exit(execute(how, environment));
		waitpid(pid, &status, 0);
		printf("%s, %d: status %#x\n", what, how, status);
		fflush(stdout);
	}
}

int main(void)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char **last = (char **)(pages + 4096) - 2;

	munmap(pages + 4096, 4096);
	for (int i = 0; i < 4; i++) {
		try("as it is", environ);
		usleep(20000);
	}
	try("none", NULL);
	try("an array at 8", (char **)8);
	try("an array at the end", (char **)-1L);
	try("an entry at 8", (char *[]){ "A=1", (char *)8, NULL });
	try("an entry at the end", (char *[]){ (char *)-1L, NULL });
	try("an entry without memory", (char *[]){ "A=1", pages + 4096, "B=2", NULL });
	last[0] = last[1] = "A=1";
	try("an array without an end", last);
	last[1] = NULL;
	try("one that ends with its page", last);
	return 0;
}
