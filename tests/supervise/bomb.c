/*
 * Forks CHILDREN times, or until fork fails, and lets all children open a file at the same moment.
 * Prints how many there were, and how many of them succeeded. To be linked statically.
 *
 *   bomb CHILDREN FILE
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Waits until the parent has closed the other end. */
static int child(const int gate[2], const char *path)
{
	char byte;

	close(gate[1]);
	if (read(gate[0], &byte, 1) != 0)
		return 1;
	return open(path, O_RDONLY) < 0;
}

int main(int argc, char **argv)
{
	long forks = 0, good = 0;
	int gate[2], status;
	pid_t pid;

	if (argc < 3 || pipe(gate) < 0)
		return 2;
	while (forks < atol(argv[1])) {
		pid = fork();
		if (pid < 0 && errno == EAGAIN)
			break;
		if (pid < 0)
			return 3;
		if (pid == 0)
			_exit(child(gate, argv[2]));
		forks++;
	}
	close(gate[0]);
	close(gate[1]);
	while (wait(&status) > 0)
		good += status == 0;
	printf("%ld %ld\n", forks, good);
	return 0;
}
