/*
 * A daemon of the old school: forks twice, leaves its session, closes every descriptor, works, and
 * waits to be told to end.
 *
 *   daemon PID-FILE FOLDER COUNT
 *
 * Closes descriptors three times over, by close, close_range and closefrom, then opens FOLDER/0 and
 * so on, half of them in a child. Writes its pid to PID-FILE when that is done. Ends with status 1
 * when a descriptor that it opened is not the lowest one free.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void open_files(const char *folder, long first, long count)
{
	for (long i = first; i < first + count; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%ld", folder, i);
		int fd = open(path, O_RDONLY);
		if (fd != 0)
			_exit(1);
		close(fd);
	}
}

static void close_everything(void)
{
	for (int fd = 0; fd < 1024; fd++)
		close(fd);
	close_range(0, ~0u, 0);
	closefrom(0);
}

static void detach(void)
{
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid < 0)
			exit(1);
		if (pid > 0)
			_exit(0);
		if (i == 0)
			setsid();
	}
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	long count = atol(argv[3]);
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	detach();
	close_everything();
	open_files(argv[2], 0, count / 2);

	pid_t child = fork();
	if (child == 0) {
		close_everything();
		open_files(argv[2], count / 2, count - count / 2);
		_exit(0);
	}
	int status, signal_number;
	if (waitpid(child, &status, 0) != child || status != 0)
		return 1;

	char temporary[PATH_MAX];
	snprintf(temporary, sizeof(temporary), "%s.new", argv[1]);
	FILE *file = fopen(temporary, "w");
	if (!file)
		return 1;
	fprintf(file, "%d\n", getpid());
	fclose(file);
	if (rename(temporary, argv[1]))
		return 1;
	sigwait(&ends, &signal_number);
	return 0;
}
