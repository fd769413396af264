/*
 * An init that never waits: starts a program, lets orphans become zombies, and prints how many
 * there are when the program has written to the pipe and ended. To be process 1 of a pid namespace.
 *
 *   neglect PROGRAM ARGUMENT...
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SETTLE_MS 100

static int count_zombies(void)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	int zombies = 0;

	while (folder && (entry = readdir(folder))) {
		char path[300], text[300] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		file = atoi(entry->d_name) > 0 ? fopen(path, "r") : NULL;
		if (!file)
			continue;
		if (fgets(text, sizeof(text), file) && strstr(text, ") Z "))
			zombies++;
		fclose(file);
	}
	if (folder)
		closedir(folder);
	return zombies;
}

/* Waits until their number does not change any more. */
static int settled_zombies(void)
{
	int before, now = count_zombies();

	do {
		before = now;
		poll(NULL, 0, SETTLE_MS);
		now = count_zombies();
	} while (now != before);
	return now;
}

int main(int argc, char **argv)
{
	struct pollfd ended;
	pid_t pid;

	if (argc < 2 || getpid() != 1)
		return 2;
	pid = fork();
	if (pid == 0) {
		execvp(argv[1], argv + 1);
		_exit(99);
	}
	ended = (struct pollfd){ .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	if (poll(&ended, 1, 60000) != 1)
		return 3;
	printf("zombies %d\n", settled_zombies());
	return 0;
}
