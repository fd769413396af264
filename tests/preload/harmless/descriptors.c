/* Copies of closed descriptors to every number, and calls that return without asking the kernel. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <linux/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int count(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int found = 0;

	while (readdir(folder))
		found++;
	closedir(folder);
	return found;
}

static void search_with_long_path(void)
{
	static char path[5000];
	char *arguments[] = { "true", NULL };

	memset(path, 'x', sizeof(path) - 1);
	setenv("PATH", path, 1);
	errno = 77;
	printf("execvp %d, errno %d\n", execvp("true", arguments), errno);
}

int main(void)
{
	int before = count(), result;

	for (int round = 0; round < 3; round++)
		for (int fd = 3; fd < 300; fd++)
			dup2(-1, fd);
	printf("%d descriptors more\n", count() - before);
	errno = 0;
	result = (int)syscall(SYS_clone3, 1L, sizeof(struct clone_args));
	printf("clone3 %d, errno %d\n", result, errno);
	search_with_long_path();
	return 0;
}
