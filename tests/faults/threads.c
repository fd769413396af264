/*
 * threads WAY FOLDER: a process that waits for a line on standard input. Then its first thread
 * stands still in a system call of the way WAY, because strace holds it there, while another thread
 * uses FOLDER/0 and says "read".
 *
 * fill: it looks for files until a segment is full, and another one is announced
 * exec: it executes /bin/true
 * exit: it ends
 */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STILL_US 300000

static const char *folder;
static volatile unsigned long steps;

/* Waits until the first thread has begun, and stands still. */
static void wait_for_standstill(void)
{
	unsigned long before;

	do {
		before = steps;
		usleep(STILL_US);
	} while (!before || steps != before);
}

static void *read_one(void *unused)
{
	char path[4096];
	int fd;

	(void)unused;
	wait_for_standstill();
	snprintf(path, sizeof(path), "%s/0", folder);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", path);
	puts("read");
	fflush(stdout);
	for (;;)
		pause();
}

static void look_for_many(void)
{
	char path[4096];

	for (;;) {
		snprintf(path, sizeof(path), "%s/none-%lu", folder, steps);
		if (!access(path, F_OK))
			errx(1, "%s: is there", path);
		steps++;
	}
}

int main(int argc, char **argv)
{
	pthread_t other;

	if (argc != 3)
		errx(2, "usage: threads fill|exec|exit FOLDER");
	folder = argv[2];
	getchar();
	if (pthread_create(&other, NULL, read_one, NULL))
		errx(1, "no thread");
	usleep(STILL_US);
	steps = 1;
	if (!strcmp(argv[1], "fill"))
		look_for_many();
	if (!strcmp(argv[1], "exec"))
		execl("/bin/true", "true", NULL);
	exit(0);
}
