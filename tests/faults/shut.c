/*
 * shut FOLDER: a process that does what it is told on standard input, and prints "done" each time.
 *
 *   a number   executes a program that reads FOLDER/NUMBER, and waits for its end
 *   "shut"     closes all descriptors but the standard ones by an instruction of its own, which no
 *              hook sees
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../raw_close_range.h"

static void run_reader(const char *folder, const char *number)
{
	char path[4096];
	int status;
	pid_t child;

	snprintf(path, sizeof(path), "%s/%s", folder, number);
	child = fork();
	if (child == 0) {
		execl("/bin/cat", "cat", path, NULL);
		_exit(127);
	}
	if (waitpid(child, &status, 0) != child || status)
		errx(1, "%s was not read", path);
}

int main(int argc, char **argv)
{
	char line[64];

	if (argc != 2)
		errx(2, "usage: shut FOLDER");
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "shut") == 0)
			raw_close_range(3, ~0u);
		else
			run_reader(argv[1], line);
		puts("done");
		fflush(stdout);
	}
	return 0;
}
