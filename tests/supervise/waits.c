/*
 * A dynamic program that runs another one, and looks at what remains: foreign children,
 * descriptors, changed signals. Prints nothing if everything is as before.
 *
 *   waits fork|vfork|spawn PROGRAM ARGUMENT...
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static volatile sig_atomic_t signals;

static void count(int number)
{
	(void)number;
	signals++;
}

static int descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}

static pid_t start(const char *how, char **argv)
{
	pid_t pid = -1;

	if (!strcmp(how, "spawn")) {
		if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ))
			return -1;
		return pid;
	}
	pid = !strcmp(how, "vfork") ? vfork() : fork();
	if (pid == 0) {
		execv(argv[0], argv);
		_exit(99);
	}
	return pid;
}

int main(int argc, char **argv)
{
	sigset_t before, after;
	int open_before, status;
	pid_t pid;

	if (argc < 3)
		return 2;
	signal(SIGCHLD, count);
	open_before = descriptors();
	sigprocmask(SIG_SETMASK, NULL, &before);
	pid = start(argv[1], argv + 2);
	if (waitpid(-1, &status, __WALL) != pid)
		printf("another child was waited for\n");
	if (waitpid(-1, &status, __WALL) != -1 || errno != ECHILD)
		printf("there is another child\n");
	sigprocmask(SIG_SETMASK, NULL, &after);
	if (memcmp(&before, &after, sizeof(before)))
		printf("signals are blocked otherwise\n");
	if (descriptors() != open_before)
		printf("%d descriptors, before %d\n", descriptors(), open_before);
	if (signals != 1)
		printf("SIGCHLD came %d times\n", (int)signals);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
