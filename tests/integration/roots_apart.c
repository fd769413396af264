/*
 * roots_apart WAY ROOT: somebody who shares memory or the root with this process goes to ROOT and
 * looks for /nowhere-below; then this process looks for /nowhere-after. Who that is: fork, vfork,
 * thread (with a root of its own), sharing (a process that shares the root alone), all (a child
 * that shares root and memory).
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static const char *root;

/* Both paths are missing in every root. */
static int go_below(void *unused)
{
	(void)unused;
	if (chroot(root))
		return 1;
	access("/nowhere-below", F_OK);
	return 0;
}

static void *go_alone(void *unused)
{
	CHECK(unshare(CLONE_FS) == 0 && go_below(unused) == 0);
	return NULL;
}

static void wait_for(pid_t pid)
{
	int status;

	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

static void clone_with(int flags)
{
	static char stack[65536] __attribute__((aligned(16)));

	wait_for(clone(go_below, stack + sizeof(stack), flags | SIGCHLD, NULL));
}

static void have_thread(void)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, go_alone, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
}

int main(int argc, char **argv)
{
	const char *way = argv[1];
	pid_t pid;

	CHECK(argc == 3);
	root = argv[2];
	if (!strcmp(way, "thread")) {
		have_thread();
	} else if (!strcmp(way, "sharing")) {
		clone_with(CLONE_FS);
	} else if (!strcmp(way, "all")) {
		clone_with(CLONE_FS | CLONE_VM | CLONE_VFORK);
	} else {
		pid = strcmp(way, "vfork") ? fork() : vfork();
		if (pid == 0)
			_exit(go_below(NULL));
		wait_for(pid);
	}
	access("/nowhere-after", F_OK);
	return 0;
}
