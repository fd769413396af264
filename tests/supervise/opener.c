/*
 * Opens a file many times, and prints how often that failed, and with which error. To be linked
 * statically.
 *
 *   opener TIMES FILE [PROCESSES]
 *
 * TIMES 0: until SIGUSR1.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t enough;

static void on_enough(int signal)
{
	(void)signal;
	enough = true;
}

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000 + time.tv_nsec;
}

static int work(long times, const char *path)
{
	long done, failed = 0, begun = now();
	int error = 0;

	for (done = 0; times ? done < times : !enough; done++) {
		int fd = open(path, O_RDONLY);

		if (fd < 0) {
			error = errno;
			failed++;
		}
		close(fd);
	}
	if (failed)
		printf("%ld of %ld failed: %s\n", failed, done, strerror(error));
	fprintf(stderr, "%ld ns\n", done ? (now() - begun) / done : 0);
	return failed != 0;
}

int main(int argc, char **argv)
{
	int processes = argc > 3 ? atoi(argv[3]) : 1, status, bad = 0;

	if (argc < 3)
		return 2;
	signal(SIGUSR1, on_enough);
	for (int i = 1; i < processes; i++)
		if (fork() == 0)
			return work(atol(argv[1]), argv[2]);
	bad = work(atol(argv[1]), argv[2]);
	while (wait(&status) > 0)
		bad |= status;
	puts(bad ? "bad" : "good");
	return bad != 0;
}
