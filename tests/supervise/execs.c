/*
 * execs HOW PROGRAM [ARGUMENT]...: executes it, from the main thread or from another one (while the
 * main thread looks for ever more files: "busy"), by a call that names it in one way or another.
 * Says why it could not, and whether a filter was left behind.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

static long at(int directory, const char *path, char **argv, int flags)
{
#ifdef __GLIBC__
	return execveat(directory, path, argv, environ, flags);
#else
	return syscall(SYS_execveat, directory, path, argv, environ, flags);
#endif
}

static int folder(void)
{
	return open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void execute(const char *how, char **argv)
{
	if (strcmp(how, "at") == 0)
		at(AT_FDCWD, argv[0], argv, 0);
	else if (strcmp(how, "at-folder") == 0)
		at(folder(), argv[0], argv, 0);
	else if (strcmp(how, "at-itself") == 0)
		at(AT_FDCWD, argv[0], argv, AT_SYMLINK_NOFOLLOW);
	else if (strcmp(how, "at-empty") == 0)
		at(open(argv[0], O_PATH | O_CLOEXEC), "", argv, AT_EMPTY_PATH);
	else if (strcmp(how, "at-nothing") == 0)
		at(open(argv[0], O_PATH | O_CLOEXEC), NULL, argv, AT_EMPTY_PATH);
	else if (strcmp(how, "number") == 0)
		syscall(SYS_execveat, folder(), argv[0], argv, environ, 0);
	else if (strcmp(how, "descriptor") == 0)
		fexecve(open(argv[0], O_RDONLY | O_CLOEXEC), argv, environ);
	else
		execv(argv[0], argv);
	printf("%s, filter %d\n", strerror(errno), prctl(PR_GET_SECCOMP));
	fflush(stdout);
	_exit(99);
}

static void *execute_here(void *argv)
{
	execute("thread", argv);
	return NULL;
}

static void look_around(void)
{
	char name[32];

	for (unsigned i = 0;; i++) {
		snprintf(name, sizeof(name), "nothing-%u", i);
		access(name, F_OK);
	}
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc < 3)
		return 2;
	if (strcmp(argv[1], "thread") != 0 && strcmp(argv[1], "busy") != 0)
		execute(argv[1], argv + 2);
	if (pthread_create(&thread, NULL, execute_here, argv + 2))
		return 1;
	if (strcmp(argv[1], "busy") == 0)
		look_around();
	pthread_join(thread, NULL);
	return 1;
}
