#define _GNU_SOURCE
#include "supervise/prefix.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "preload/descriptor.h"
#include "preload/image.h"
#include "preload/programs/program.h"
#include "preload/programs/supervised.h"
#include "preload/programs/supervised_filter.h"
#include "preload/rawcall.h"
#include "preload/record/recorder.h"
#include "preload/text.h"
#include "supervise/greet.h"
#include "supervise/permission.h"
#include "supervise/supervise.h"

#define STATUS_NOT_FOUND      127
#define STATUS_NOT_EXECUTABLE 126
#define DEFAULT_PATH	      "/usr/local/bin:/bin:/usr/bin"

static const char *own_setting(const char *name)
{
	return text_environment(supervisor.envp, name);
}

/* A folder may be passed, but not executed. */
static bool may_execute(const char *path)
{
	struct stat status;

	return rawcall4(SYS_newfstatat, AT_FDCWD, (long)path, (long)&status, 0) == 0 &&
	       S_ISREG(status.st_mode) && permission_look(AT_FDCWD, path, 1 /* X_OK */) == 0;
}

/* The path where execvp would find the program; `name` itself if it has a slash. NULL: there is
 * none. */
static const char *find_program(const char *name, char *to, size_t size)
{
	const char *path = own_setting("PATH");
	char *end = to + size;

	for (const char *p = name; *p; p++)
		if (*p == '/')
			return name;
	for (path = path ? path : DEFAULT_PATH;; path++) {
		char *at = to;

		for (; *path && *path != ':'; path++)
			if (at < end - 1)
				*at++ = *path;
		*at = '\0';
		if (at > to) /* else the current folder */
			at = text_append(at, end, "/");
		text_append(at, end, name);
		if (may_execute(to))
			return to;
		if (!*path)
			return NULL;
	}
}

static __attribute__((noreturn)) void end(int status)
{
	for (;;)
		rawcall3(SYS_exit_group, status, 0, 0);
}

/* Is this process the parent of orphans, as a container's first process is? */
static bool takes_orphans(void)
{
	int reaper = 0;

	rawcall6(SYS_prctl, PR_GET_CHILD_SUBREAPER, (long)&reaper, 0, 0, 0, 0);
	return reaper || rawcall3(SYS_getpid, 0, 0, 0) == 1;
}

/* Starts the supervisor, so that the program does not find it among its children: as a grandchild,
 * whose parent ends, so that init takes it over. Where that would be the program itself, as a child
 * that sends no signal when it ends. wait() finds no such child, unless it becomes an orphan. */
static int start_supervisor(const int ends[2])
{
	bool own = takes_orphans();
	long pid = rawcall6(SYS_clone, own ? 0 : SIGCHLD, 0, 0, 0, 0, 0);
	int status;

	if (pid < 0)
		return (int)pid;
	if (pid > 0) {
		if (!own)
			rawcall4(SYS_wait4, pid, (long)&status, 0, 0);
		return 0;
	}
	pid = own ? 0 : rawcall6(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
	end(pid == 0 ? supervise_on(ends[1], 0) : 0);
}

static const char *supervise(void)
{
	static char room[SUPERVISED_FILTER_SIZE] __attribute__((aligned(8)));
	bool no_new_privileges;
	const char *why =
		supervised_refused(own_setting("FOOTPRINT_SUPERVISE"), &no_new_privileges);
	int ends[2];

	if (why)
		return why;
	if (rawcall4(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, (long)ends) < 0)
		return "the supervisor cannot be started";
	why = "the supervisor cannot be started";
	if (start_supervisor(ends) == 0) {
		fd_close(&ends[1]);
		why = supervised_begin(ends[0], room, no_new_privileges);
	}
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	return why;
}

/* Makes a session for the program, which only says why it is not watched. */
static void say_gap(const char *path, const char *why)
{
	struct settings settings = { own_setting("FOOTPRINT_SOCKET"),
		own_setting("FOOTPRINT_SPOOL"), own_setting("FOOTPRINT_APP"),
		own_setting("FOOTPRINT_VERSION") };
	int pid = (int)rawcall3(SYS_getpid, 0, 0, 0);

	image.pid = pid;
	supervisor.root =
		(int)rawcall4(SYS_openat, AT_FDCWD, (long)"/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (greet(pid, &settings, path) < 0)
		return;
	record_gap("static-program", path, why);
	record_goodbye();
}

static void say_failure(const char *program, long error)
{
	const char *why = error == -ENOENT ? ": not found\n" : ": cannot be executed\n";

	rawcall3(SYS_write, 2, (long)"footprint-supervise: ", 21);
	rawcall3(SYS_write, 2, (long)program, (long)text_length(program));
	rawcall3(SYS_write, 2, (long)why, (long)text_length(why));
}

static int fail(const char *program, long error, int report)
{
	int code = (int)-error;

	if (report < 0)
		say_failure(program, error);
	else
		rawcall3(SYS_write, report, (long)&code, sizeof(code));
	return error == -ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}

int prefix(const char *name, char *const *argv, int report)
{
	static char path[FP_PATH_SIZE_MAX];
	static char found[PROGRAM_PATH_SIZE];
	const char *program = name ? name : find_program(argv[0], path, sizeof(path));
	const char *socket = own_setting("FOOTPRINT_SOCKET");
	const char *why = NULL;

	if (!program)
		return fail(argv[0], -ENOENT, report);
	if (socket && *socket && may_execute(program) && !supervised_filter_stands() &&
		program_look(AT_FDCWD, program, 0, found, sizeof(found)) == PROGRAM_STATIC)
		why = supervise();
	if (why)
		say_gap(*found ? found : program, why);
	return fail(argv[0], rawcall3(SYS_execve, (long)program, (long)argv, (long)supervisor.envp),
		report);
}
