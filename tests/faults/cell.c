/*
 * cell FOLDER: a process that says goodbye and comes back, in executions that fail, while a forked
 * child ends by _exit. Then it waits for a line, reads FOLDER/0, and ends by _exit itself.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char *const nothing[] = { "nothing", NULL };
	char path[4096], byte;
	pid_t child;

	if (argc != 2)
		return 1;
	alarm(60);
	child = fork();
	if (child == 0) {
		usleep(20 * 1000);
		_exit(0);
	}
	/* The child ends in one of these, most likely. */
	for (int i = 0; i < 2000; i++)
		execv("/nonexistent/program", nothing);
	if (child < 0 || waitpid(child, NULL, 0) != child)
		return 1;
	if (write(STDOUT_FILENO, "here\n", 5) != 5 || read(STDIN_FILENO, &byte, 1) != 1)
		return 1;
	snprintf(path, sizeof(path), "%s/0", argv[1]);
	_exit(open(path, O_RDONLY) < 0);
}
