/* How programs of the tree are started. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int budget;

int share(struct dice *dice)
{
	int given = budget > 1 ? below(dice, budget / 2 + 1) : 0;

	budget -= given + 1;
	return given;
}

void wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		check(errno == EINTR, "waitpid", "");
	check((WIFEXITED(status) && !WEXITSTATUS(status)) || (killed && WIFSIGNALED(status)),
		"a child failed", "");
}

/* How a program of the tree is called. */
struct call {
	char path[PATH_MAX], seed[32], budget[16];
	char inherited[HELD_MAX][PATH_MAX + 16];
	char *arguments[6 + HELD_MAX + 1];
	char folder[PATH_MAX]; /* where it is executed, by its name alone, if the child `moves` */
	bool moves;
	const char *name;
};

static void prepare(struct dice *dice, struct call *call, int given)
{
	int count = 6;

	put(call->path, PATH_MAX, "%s/bin/tree-%d", place, below(dice, PROGRAMS));
	put(call->seed, sizeof(call->seed), "%llu", (unsigned long long)next(dice));
	put(call->budget, sizeof(call->budget), "%d", given);
	char *arguments[] = { "tree", (char *)place, (char *)logs, call->seed, call->budget,
		(char *)how };
	memcpy(call->arguments, arguments, sizeof(arguments));
	for (int i = 0; i < HELD_MAX; i++)
		if (name_inherited(i, call->inherited[i], sizeof(call->inherited[i])))
			call->arguments[count++] = call->inherited[i];
	call->arguments[count] = NULL;
}

/* For a child that perhaps goes elsewhere before it executes. */
static void prepare_child(struct dice *dice, struct call *call)
{
	call->moves = in_a_hundred(dice, 40);
	prepare(dice, call, share(dice));
	put(call->folder, PATH_MAX, "%s/bin", place);
	call->name = call->moves ? strrchr(call->path, '/') + 1 : call->path;
	say('?', "execute", call->path);
}

static void has_executed(struct dice *dice, const struct call *call, pid_t child)
{
	say('!', "execute", call->path);
	if (in_a_hundred(dice, 70))
		wait_for(child);
}

void by_vfork(struct dice *dice)
{
	struct call call;
	pid_t child;

	prepare_child(dice, &call);
	child = vfork();
	check(child >= 0, "vfork", "");
	if (!child) {
		if (call.moves && chdir(call.folder) < 0)
			_exit(92);
		execv(call.name, call.arguments);
		_exit(93);
	}
	has_executed(dice, &call, child);
}

/* What the child is to do before it executes. A descriptor that is named in its arguments may be
 * closed: then it does not use it. */
static void add_actions(
	struct dice *dice, posix_spawn_file_actions_t *actions, const struct call *call, int folder)
{
	if (call->moves && folder >= 0)
		posix_spawn_file_actions_addfchdir_np(actions, folder);
	else if (call->moves)
		posix_spawn_file_actions_addchdir_np(actions, call->folder);
	if (in_a_hundred(dice, 30))
		posix_spawn_file_actions_addclose(actions, below(dice, 30) + 3);
	if (in_a_hundred(dice, 30))
		posix_spawn_file_actions_adddup2(actions, STDERR_FILENO, below(dice, 30) + 100);
	if (in_a_hundred(dice, 30))
		posix_spawn_file_actions_addopen(
			actions, below(dice, 30) + 130, "/dev/null", O_RDWR, 0);
}

void by_spawn(struct dice *dice)
{
	int folder = -1;
	posix_spawn_file_actions_t actions;
	struct call call;
	pid_t child;

	prepare_child(dice, &call);
	if (in_a_hundred(dice, 50))
		folder = open(call.folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	posix_spawn_file_actions_init(&actions);
	add_actions(dice, &actions, &call, folder);
	check(!posix_spawn(&child, call.name, &actions, NULL, call.arguments, environ),
		"posix_spawn", call.path);
	posix_spawn_file_actions_destroy(&actions);
	if (folder >= 0)
		close(folder);
	has_executed(dice, &call, child);
}

/* --- the process itself ----------------------------------------------------------------------- */

static void *execute(void *context)
{
	struct call *call = context;

	execv(call->name, call->arguments);
	check(false, "exec in a thread", call->path);
	return NULL;
}

/* The other threads, this one among them, end when it has executed. */
static void execute_in_thread(struct call *call)
{
	pthread_t thread;

	check(!pthread_create(&thread, NULL, execute, call), "thread", "");
	pthread_join(thread, NULL);
}

static void execute_descriptor(struct dice *dice, struct call *call)
{
	int fd = open(call->path, (in_a_hundred(dice, 50) ? O_PATH : O_RDONLY) | O_CLOEXEC);

	check(fd >= 0, "open", call->path);
	if (in_a_hundred(dice, 50))
		fexecve(fd, call->arguments, environ);
	else
		syscall(SYS_execveat, fd, "", call->arguments, environ, AT_EMPTY_PATH);
}

void become_another(struct dice *dice)
{
	struct call call;

	prepare(dice, &call, budget);
	put(call.folder, PATH_MAX, "%s/bin", place);
	call.name = call.path;
	interrupt_every(0);
	say('?', "execute", call.path);
	switch (traced ? 0 : below(dice, 6)) {
	case 0:
		execute_in_thread(&call);
		break;
	case 1:
		execute_descriptor(dice, &call);
		break;
	case 2:
		check(!chdir(call.folder), "chdir", call.folder);
		execl(strrchr(call.path, '/') + 1, "tree", place, logs, call.seed, call.budget, how,
			NULL);
		break;
	case 3:
		syscall(SYS_execve, call.path, call.arguments, environ);
		break;
	default:
		execv(call.path, call.arguments);
	}
	check(false, "exec", call.path);
}

void fail_to_execute(struct dice *dice)
{
	char *arguments[] = { "nothing", NULL }, folder[64], name[128];
	struct path path;

	some_folder(dice, folder, sizeof(folder));
	new_name(name, sizeof(name));
	do
		path_to(dice, &path, folder, name);
	while (path.at != AT_FDCWD);
	say('?', "missing", path.real);
	check(execv(path.text, arguments) < 0 && errno == ENOENT, "executed", path.real);
	say('!', "missing", path.real);
}
