/*
 * Starts programs in every way: exec FORM PROGRAM [ARGUMENT]. The form runs in a child, unless it
 * makes one itself. Prints the error if it failed, and the child's status.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *empty[] = { NULL };
static char *own[] = { "FOOTPRINT_APP=own", "LD_PRELOAD=", "X=1", "FOOTPRINT_OTHER=kept", NULL };
static char *other_preload[] = { NULL, "Y=2", NULL }; /* LD_PRELOAD as in OTHER_PRELOAD */
static char *large[6001];
static const char *form, *program;
static char *argv_of_child[3];

static int is(const char *name)
{
	return strcmp(form, name) == 0;
}

static char *const *environment(void)
{
	if (strstr(form, "-own"))
		return own;
	if (strstr(form, "-preload"))
		return other_preload;
	if (strstr(form, "-large"))
		return large;
	return empty;
}

static int starts(const char *prefix)
{
	return strncmp(form, prefix, strlen(prefix)) == 0;
}

static void run_form(void)
{
	const char *argument = argv_of_child[1];

	if (starts("execve-") && !is("execve-bad") && !is("execve-null"))
		execve(program, argv_of_child, environment());
	else if (is("execveat")) /* musl has no execveat() */
		syscall(SYS_execveat, AT_FDCWD, program, argv_of_child, empty, 0);
#ifdef __GLIBC__
	else if (is("execveat-fd"))
		execveat(open(program, O_PATH), "", argv_of_child, empty, AT_EMPTY_PATH);
#endif
	else if (is("fexecve"))
		fexecve(open(program, O_RDONLY), argv_of_child, empty);
	else if (is("syscall"))
		syscall(SYS_execve, program, argv_of_child, empty);
	else if (is("execv"))
		execv(program, argv_of_child);
	else if (is("execvp"))
		execvp(program, argv_of_child);
	else if (is("execvpe"))
		execvpe(program, argv_of_child, empty);
	else if (is("execl"))
		execl(program, program, argument, NULL);
	else if (is("execlp"))
		execlp(program, program, argument, NULL);
	else if (is("execle"))
		execle(program, program, argument, NULL, empty);
	else if (is("execve-bad"))
		execve(program, argv_of_child, (char **)8);
	else if (is("execve-null"))
		execve(program, argv_of_child, NULL);
	else if (is("execv-cleared")) {
		clearenv();
		execv(program, argv_of_child);
	} else if (is("execv-unset")) {
		unsetenv("LD_PRELOAD");
		unsetenv("FOOTPRINT_SOCKET");
		execv(program, argv_of_child);
	}
	printf("%s: %s\n", form, strerror(errno));
	fflush(stdout);
	_exit(99);
}

static void end_of(pid_t pid)
{
	int status = -1;

	if (pid > 0)
		waitpid(pid, &status, 0);
	printf("status %d\n", status);
}

static void run_spawn(void)
{
	pid_t pid = -1;
	int error;

	if (is("spawnp"))
		error = posix_spawnp(&pid, program, NULL, NULL, argv_of_child, empty);
	else
		error = posix_spawn(&pid, program, NULL, NULL, argv_of_child, environment());
	end_of(error ? -1 : pid);
	printf("spawn: %s\n", strerror(error));
}

/* Executes the program by its last name alone, in a child that begins in its folder. */
static void run_spawn_elsewhere(void)
{
	const char *name = strrchr(program, '/') + 1;
	char *folder = strndup(program, (size_t)(name - program));
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;
	int error;

	access("something-here", F_OK); /* relative to the parent's own */
	posix_spawn_file_actions_init(&actions);
	if (is("elsewhere-fd"))
		posix_spawn_file_actions_addfchdir_np(&actions, open(folder, O_PATH | O_CLOEXEC));
	else
		posix_spawn_file_actions_addchdir_np(&actions, folder);
	error = posix_spawn(&pid, name, &actions, NULL, argv_of_child, empty);
	end_of(error ? -1 : pid);
	printf("spawn: %s\n", strerror(error));
}

static void run_shell(void)
{
	char line[256];
	FILE *pipe;

	clearenv();
	if (is("system")) {
		printf("status %d\n", system(program));
		return;
	}
	pipe = popen(program, "r");
	while (pipe && fgets(line, sizeof(line), pipe))
		fputs(line, stdout);
	printf("status %d\n", pipe ? pclose(pipe) : -1);
}

static void run_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execve(program, argv_of_child, empty);
		_exit(99);
	}
	end_of(pid);
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc < 3)
		return 2;
	form = argv[1];
	program = argv[2];
	argv_of_child[0] = argv[2];
	argv_of_child[1] = argc > 3 ? argv[3] : NULL;
	other_preload[0] = getenv("OTHER_PRELOAD");
	for (int i = 0; i < 6000; i++)
		asprintf(&large[i], "V%d=%d", i, i);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (is("vfork"))
		run_vfork();
	else if (starts("spawn"))
		run_spawn();
	else if (starts("elsewhere"))
		run_spawn_elsewhere();
	else if (is("system") || is("popen"))
		run_shell();
	else {
		pid = fork();
		if (pid == 0)
			run_form();
		end_of(pid);
	}
	return 0;
}
