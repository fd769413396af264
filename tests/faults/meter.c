/*
 * Runs a command again and again, one process after the other, and measures how long each of them
 * waited: its life less the time it ran and less the time it was ready to run but others did. What
 * is left is waiting for something, which a busy machine does not add to.
 *
 *   meter OUTPUT COUNT [NAME=VALUE]... COMMAND [ARGUMENT]...
 *
 * "%" among the arguments stands for the number of the process. A line of OUTPUT is the
 * microseconds that one process waited. The command's environment has the given variables besides.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGUMENTS_MAX 64
#define HIGH_PRIORITY -20 /* so that the end of a process is seen at once */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The time spent on a processor and waiting for one, from /proc/PID/schedstat, which a zombie has,
 * too. */
static uint64_t not_waiting_ns(pid_t pid)
{
	char path[64];
	uint64_t ran, ready;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	FILE *file = fopen(path, "r");
	if (!file || fscanf(file, "%" SCNu64 " %" SCNu64, &ran, &ready) != 2)
		err(1, "%s", path);
	fclose(file);
	return ran + ready;
}

static void run(char **command, long number)
{
	char *arguments[ARGUMENTS_MAX + 1] = { NULL }, text[32];

	snprintf(text, sizeof(text), "%ld", number);
	for (int i = 0; i < ARGUMENTS_MAX && command[i]; i++)
		arguments[i] = strcmp(command[i], "%") ? command[i] : text;
	setpriority(PRIO_PROCESS, 0, 0);
	execv(arguments[0], arguments);
	err(127, "%s", arguments[0]);
}

static uint64_t measure(char **command, char **variables, long number)
{
	uint64_t started = now_ns(), lived, busy;
	pid_t pid = fork();
	siginfo_t info;
	int status;

	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		for (; variables < command; variables++)
			putenv(*variables);
		run(command, number);
	}
	if (waitid(P_PID, pid, &info, WEXITED | WNOWAIT) < 0)
		err(1, "waitid");
	lived = now_ns() - started;
	busy = not_waiting_ns(pid);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		errx(1, "process %ld ended with status %#x", number, status);
	return lived > busy ? lived - busy : 0;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		errx(2, "usage: meter OUTPUT COUNT [NAME=VALUE]... COMMAND [ARGUMENT]...");
	FILE *output = fopen(argv[1], "w");
	char **command = argv + 3;

	if (!output)
		err(1, "%s", argv[1]);
	setpriority(PRIO_PROCESS, 0, HIGH_PRIORITY);
	while (*command && strchr(*command, '=') && **command != '/')
		command++;
	for (long i = 0; i < atol(argv[2]); i++)
		fprintf(output, "%" PRIu64 "\n", measure(command, argv + 3, i) / 1000);
	return fclose(output) ? 1 : 0;
}
