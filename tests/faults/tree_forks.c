/* Forks, and what becomes of them: other users, other namespaces, another root, daemons. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

/* clone3's arguments, as Linux 5.3 knows them. */
struct clone3 {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

static pid_t fork_somehow(struct dice *dice)
{
	struct clone3 arguments = { .exit_signal = SIGCHLD };
	pid_t child;

	switch (traced ? 3 : below(dice, 6)) {
	case 0:
		child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
		break;
	case 1:
		child = (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
		break;
	case 2:
		child = (pid_t)syscall(SYS_fork);
		break;
	default:
		child = fork();
	}
	check(child >= 0, "fork", "");
	return child;
}

/* Of what a process that had threads has unshared, nothing is remembered any more. Behind a chroot,
 * where there is no /proc, the kernel cannot be asked either. */
static bool unshared;

/* --- what becomes of them --------------------------------------------------------------------- */

/* A daemon has no descriptors but the three that it opens itself, and no terminal. */
static void become_daemon(struct dice *dice)
{
	setsid();
	if (fork_somehow(dice))
		_exit(0);
	begin_log();
	close_all(dice);
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	for (int fd = 0; fd < 3; fd++)
		check(open("/dev/null", O_RDWR) == fd, "open", "/dev/null");
}

/* Its log belongs to somebody else. */
static void become_nobody(void)
{
	check(!setgroups(0, NULL) && !setresgid(NOBODY, NOBODY, NOBODY) &&
			!setresuid(NOBODY, NOBODY, NOBODY),
		"setuid", "");
	begin_log();
}

/* In another namespace of mounts, the kernel does not say where descriptors from the one before
 * lead, so programs must not inherit them. */
static void go_into_namespaces(struct dice *dice)
{
	static const int flags[] = { CLONE_NEWNS, CLONE_NEWUTS | CLONE_NEWIPC, CLONE_FS,
		CLONE_FILES, CLONE_NEWUSER, CLONE_NEWNS | CLONE_NEWNET };

	int chosen = flags[below(dice, 6)];

	if (chosen & CLONE_NEWNS)
		let_go_of_all();
	unshared = true;
	check(!unshare(chosen), "unshare", "");
}

static void begin_life(struct dice *dice)
{
	int what = traced ? 99 : below(dice, 100);

	if (what < 15)
		become_daemon(dice);
	if (geteuid() != 0)
		return;
	if (what >= 10 && what < 25)
		become_nobody();
	else if (what < 35)
		go_into_namespaces(dice);
}

/* Copies know the directories of their parent, and are the same session. */
void by_fork(struct dice *dice)
{
	struct dice other = another(dice);
	int given = share(dice);
	pid_t child = fork_somehow(dice);

	if (!child) {
		budget = given;
		begin_log();
		begin_life(&other);
		live(&other);
		end(&other);
	}
	if (in_a_hundred(dice, 30))
		wait_for(child);
}

/* One that never says goodbye, as servers and scripts have their workers killed. */
void kill_a_fork(struct dice *dice)
{
	int signal = in_a_hundred(dice, 50) ? SIGTERM : SIGKILL;
	pid_t child = fork_somehow(dice);

	if (!child)
		for (;;)
			pause();
	kill(child, signal);
	while (waitpid(child, NULL, 0) < 0)
		check(errno == EINTR, "waitpid", "");
}

void in_another_root(struct dice *dice)
{
	struct dice other = another(dice);
	static char directory[PATH_MAX];
	pid_t child;

	if (unshared)
		return;
	child = fork_somehow(dice);
	if (child) {
		budget--;
		wait_for(child);
		return;
	}
	budget = 0;
	begin_log();
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

/* The first process of a pid namespace: when it ends, so do all others in there. */
void in_another_pid_namespace(struct dice *dice)
{
	struct dice other = another(dice);
	pid_t child = fork_somehow(dice);

	if (child) {
		budget -= 2;
		wait_for(child);
		return;
	}
	budget = 0;
	begin_log();
	check(!unshare(CLONE_NEWPID), "unshare", "");
	child = fork_somehow(&other);
	if (child) {
		wait_for(child);
		_exit(0);
	}
	begin_log();
	live(&other);
	end(&other);
}
