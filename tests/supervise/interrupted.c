/* Looks for many files, each once, while signals come all the time whose handler interrupts calls.
 * A loop of one look before that brings it into the express lane. Prints how many looks were
 * interrupted, which is none there. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

#define FILES 4000

static void note(int number)
{
	(void)number;
}

int main(void)
{
	struct sigaction action = { .sa_handler = note }; /* without SA_RESTART */
	struct itimerval often = { { 0, 50 }, { 0, 50 } };
	char name[32];
	int interrupted = 0;

	for (int i = 0; i < 50; i++)
		access("/", F_OK);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "/nosuch/%d", i);
		if (access(name, F_OK) < 0 && errno == EINTR)
			interrupted++;
	}
	printf("%d\n", interrupted);
	return 0;
}
