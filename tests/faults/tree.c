/*
 * tree PLACE LOGS SEED BUDGET [killed|traced] [FD=PATH...]: a random tree of processes, which use
 * random files below PLACE/data by whatever ways lead there, and say so in LOGS, in a file for each
 * process. It has inherited the directories FD.
 *
 * SEED decides what the tree is like, BUDGET how many processes it may have. In PLACE there are
 * data/directory-N/sub-M with files 0, 1, ... in each folder, data/link-N, which leads to
 * directory-N, and bin/tree-N, which are this program, made for one libc or another. With `killed`,
 * some processes kill themselves; with `traced`, nothing is done of which strace does not say where
 * it is.
 *
 * A line of a log is "? WHAT PATH" before a call, and "! WHAT PATH" when it has returned: what has
 * the first line alone may have happened or not. Most names are used only once, and by one process,
 * so that a path that is put together wrongly is no path that anybody has used.
 */
#include "tree.h"

#include <err.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS_MAX 3

const char *place, *logs;
const char *how = "";
bool killed, traced;

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

/* --- life ------------------------------------------------------------------------------------- */

void end(struct dice *dice)
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
		kill(getpid(), SIGKILL);       /* raise() needs what a raw clone has not set */
		_exit(getpid() == 1 ? 0 : 94); /* the first of a namespace cannot */
	}
}

static void step(struct dice *dice)
{
	int what = below(dice, 100);

	if (what < 45)
		something(dice);
	else if (what < 51)
		much(dice, in_a_hundred(dice, 20) ? 900 : 100);
	else if (what < 60)
		hold(dice);
	else if (what < 62)
		make_folder(dice);
	else if (what < 69)
		go_elsewhere(dice);
	else if (what < 72)
		threads(dice);
	else if (what < 74)
		while_interrupted(dice);
	else if (what < 75 && !traced)
		fail_to_execute(dice);
	else if (what < 76 && !traced)
		kill_a_fork(dice);
	else if (what < 78)
		close_all(dice);
	else if (what < 81)
		usleep((useconds_t)below(dice, 20000));
	else if (budget <= 0)
		something(dice);
	else if (what < 87)
		by_fork(dice);
	else if (what < 92)
		by_vfork(dice);
	else if (what < 97)
		by_spawn(dice);
	else if (!geteuid() && !traced)
		(what < 99 ? in_another_root : in_another_pid_namespace)(dice);
}

void live(struct dice *dice)
{
	for (int i = 10 + below(dice, 40); i > 0; i--)
		step(dice);
}

int main(int argc, char **argv)
{
	struct dice dice;
	char folder[64];

	if (argc < 5)
		errx(2, "usage: tree PLACE LOGS SEED BUDGET [killed|traced] [FD=PATH...]");
	place = argv[1];
	logs = argv[2];
	dice = (struct dice){ strtoull(argv[3], NULL, 10) | 1 };
	budget = atoi(argv[4]);
	how = argc > 5 ? argv[5] : "";
	killed = !strcmp(how, "killed");
	traced = !strcmp(how, "traced");
	umask(0); /* others work in folders that this process makes */
	for (int i = 6; i < argc; i++)
		inherit(argv[i]);
	put(data, sizeof(data), "%s/data", place);
	begin_log();
	some_folder(&dice, folder, sizeof(folder));
	put(where, sizeof(where), "%s/%s", data, folder);
	say('?', "check", where);
	check(!chdir(where), "chdir", where);
	say('!', "check", where);
	live(&dice);
	end(&dice);
}
