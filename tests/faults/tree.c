/*
 * tree PLACE LOGS SEED BUDGET [killed|traced]: a random tree of processes, which use random files
 * below PLACE/data by whatever ways lead there, and say so in LOGS, in a file for each process.
 *
 * SEED decides what the tree is like, BUDGET how many processes it may have. In PLACE there are
 * data/directory-N/sub-M with files 0, 1, ... in each folder, data/link-N, which leads to
 * directory-N, and bin/tree-N, copies of this program. With `killed`, some processes kill
 * themselves; with `traced`, nothing is done of which strace does not say where it is.
 *
 * A line of a log is "? WHAT PATH" before a call, and "! WHAT PATH" when it has returned: what has
 * the first line alone may have happened or not. Most names are used only once, and by one process,
 * so that a path that is put together wrongly is no path that anybody has used.
 */
#include "tree.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS_MAX 3

extern char **environ;

static const char *place, *logs;
static const char *how = ""; /* killed, traced */
static bool killed, traced;
static int budget; /* processes that this one may still start, with theirs */

/* --- threads ---------------------------------------------------------------------------------- */

static void *thread(void *argument)
{
	struct dice dice = *(struct dice *)argument;

	for (int i = below(&dice, 80); i > 0; i--)
		something(&dice);
	return NULL;
}

static void threads(struct dice *dice)
{
	int count = 1 + below(dice, THREADS_MAX);
	struct dice each[THREADS_MAX];
	pthread_t started[THREADS_MAX];

	for (int i = 0; i < count; i++) {
		each[i] = another(dice);
		check(!pthread_create(&started[i], NULL, thread, &each[i]), "thread", "");
	}
	for (int i = below(dice, 40); i > 0; i--)
		something(dice);
	for (int i = 0; i < count; i++)
		pthread_join(started[i], NULL);
}

/* --- processes -------------------------------------------------------------------------------- */

/* Gives a child a share of what may still be started. */
static int share(struct dice *dice)
{
	int given = budget > 1 ? below(dice, budget / 2 + 1) : 0;

	budget -= given + 1;
	return given;
}

/* How a program of the tree is called. */
struct call {
	char path[PATH_MAX], seed[32], budget[16];
	char *arguments[7];
	char folder[PATH_MAX]; /* where it is executed, by its name alone, if the child `moves` */
	bool moves;
	const char *name;
};

static void prepare(struct dice *dice, struct call *call, int given)
{
	put(call->path, PATH_MAX, "%s/bin/tree-%d", place, below(dice, PROGRAMS));
	put(call->seed, sizeof(call->seed), "%llu", (unsigned long long)next(dice));
	put(call->budget, sizeof(call->budget), "%d", given);
	char *arguments[] = { "tree", (char *)place, (char *)logs, call->seed, call->budget,
		(char *)how, NULL };
	memcpy(call->arguments, arguments, sizeof(arguments));
}

static void wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		check(errno == EINTR, "waitpid", "");
	check((WIFEXITED(status) && !WEXITSTATUS(status)) || (killed && WIFSIGNALED(status)),
		"a child failed", "");
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

static void by_vfork(struct dice *dice)
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

static void by_spawn(struct dice *dice)
{
	posix_spawn_file_actions_t actions;
	struct call call;
	pid_t child;

	prepare_child(dice, &call);
	posix_spawn_file_actions_init(&actions);
	if (call.moves)
		posix_spawn_file_actions_addchdir_np(&actions, call.folder);
	check(!posix_spawn(&child, call.name, &actions, NULL, call.arguments, environ),
		"posix_spawn", call.path);
	posix_spawn_file_actions_destroy(&actions);
	has_executed(dice, &call, child);
}

static void become_another(struct dice *dice)
{
	struct call call;

	prepare(dice, &call, budget);
	interrupt_every(0);
	say('?', "execute", call.path);
	execv(call.path, call.arguments);
	check(false, "exec", call.path);
}

static void fail_to_execute(struct dice *dice)
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

static void live(struct dice *dice);
static void end(struct dice *dice) __attribute__((noreturn));

/* Copies know the directories of their parent, and are the same session. */
static void by_fork(struct dice *dice)
{
	struct dice other = another(dice);
	int given = share(dice);
	pid_t child = fork();

	check(child >= 0, "fork", "");
	if (!child) {
		budget = given;
		begin_log_of_fork();
		live(&other);
		end(&other);
	}
	if (in_a_hundred(dice, 30))
		wait_for(child);
}

static void in_another_root(struct dice *dice)
{
	struct dice other = another(dice);
	static char directory[PATH_MAX];
	pid_t child = fork();

	check(child >= 0, "fork", "");
	if (child) {
		budget--;
		wait_for(child);
		return;
	}
	budget = 0;
	begin_log_of_fork();
	let_go_of_all();
	put(directory, PATH_MAX, "%s/directory-%d", data, below(&other, DIRECTORIES));
	say('?', "check", directory);
	check(!chroot(directory), "chroot", directory);
	say('!', "check", directory);
	check(!chdir("/"), "chdir", directory);
	root = directory;
	strcpy(where, directory);
	for (int i = below(&other, 60); i > 0; i--)
		(in_a_hundred(&other, 20) ? hold : something)(&other);
	_exit(0);
}

static void end(struct dice *dice)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	switch (below(dice, killed ? 8 : 5)) {
	case 0:
		_exit(0);
	case 1:
		if (!*root && budget > 0) {
			budget--;
			become_another(dice);
		}
		/* fall through */
	case 2:
	case 3:
		something(dice);
		exit(0);
	case 4:
		while (waitpid(-1, NULL, 0) > 0)
			;
		exit(0);
	default:
		something(dice);
		raise(SIGKILL);
		_exit(94);
	}
}

static void step(struct dice *dice)
{
	int what = below(dice, 100);

	if (what < 45)
		something(dice);
	else if (what < 51)
		much(dice, in_a_hundred(dice, 20) ? 900 : 100);
	else if (what < 61)
		hold(dice);
	else if (what < 69)
		go_elsewhere(dice);
	else if (what < 72)
		threads(dice);
	else if (what < 74)
		while_interrupted(dice);
	else if (what < 76 && !traced)
		fail_to_execute(dice);
	else if (what < 78)
		close_all(dice);
	else if (what < 81)
		usleep((useconds_t)below(dice, 20000));
	else if (budget <= 0)
		something(dice);
	else if (what < 87)
		by_fork(dice);
	else if (what < 93)
		by_vfork(dice);
	else if (what < 98)
		by_spawn(dice);
	else if (!geteuid() && !traced)
		in_another_root(dice);
}

static void live(struct dice *dice)
{
	for (int i = 10 + below(dice, 40); i > 0; i--)
		step(dice);
}

int main(int argc, char **argv)
{
	struct dice dice;
	char folder[64];

	if (argc < 5)
		errx(2, "usage: tree PLACE LOGS SEED BUDGET [killed|traced]");
	place = argv[1];
	logs = argv[2];
	dice = (struct dice){ strtoull(argv[3], NULL, 10) | 1 };
	budget = atoi(argv[4]);
	how = argc > 5 ? argv[5] : "";
	killed = !strcmp(how, "killed");
	traced = !strcmp(how, "traced");
	put(data, sizeof(data), "%s/data", place);
	begin_log(logs);
	some_folder(&dice, folder, sizeof(folder));
	put(where, sizeof(where), "%s/%s", data, folder);
	say('?', "check", where);
	check(!chdir(where), "chdir", where);
	say('!', "check", where);
	live(&dice);
	end(&dice);
}
