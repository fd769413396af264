/*
 * Changes its root as its arguments say, and uses files there. Each step is a word with its own
 * arguments; the first that fails ends the program.
 *
 *   unshare              a mount namespace of its own
 *   bind FROM TO, tmpfs PLACE, umount PLACE
 *   pivot NEW OLD        NEW and OLD as for pivot_root(2)
 *   twice                pivot_root(".", "."), as bubblewrap does it
 *   move NEW             NEW becomes "/" by MS_MOVE and chroot
 *   chroot NEW, join PID
 *   read PATH, make PATH, lack PATH, remove PATH
 *   fork                 the rest is done by a child
 *   clone                the same, by one that has a mount namespace of its own
 *   vfork N              the next N words are done by a vfork child, the rest by its parent
 *   thread               another thread lives on
 *   filter               a seccomp filter that allows everything
 *   wait                 says so, and waits for a line
 *   exec PROGRAM...
 */
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char **word;

static const char *next(void)
{
	if (!*word)
		error(2, 0, "a word is missing");
	return *word++;
}

static void must(bool well, const char *what)
{
	if (!well)
		error(1, errno, "%s", what);
}

static void open_with(int flags)
{
	const char *path = next();
	int fd = open(path, flags, 0644);

	must(fd >= 0, path);
	close(fd);
}

/* The parent ends as its child does. */
static void leave_to(pid_t child)
{
	int status;

	must(child >= 0, "fork");
	if (!child)
		return;
	must(waitpid(child, &status, 0) == child, "wait");
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void join(const char *pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/ns/mnt", pid);
	fd = open(path, O_RDONLY);
	must(fd >= 0 && setns(fd, CLONE_NEWNS) == 0 && chdir("/") == 0, "setns");
	close(fd);
}

static void *idle(void *nothing)
{
	pause();
	return nothing;
}

static void filter(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = 1, .filter = &allow };

	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
			prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0,
		"filter");
}

static void pivot(const char *new, const char *old)
{
	must(syscall(SYS_pivot_root, new, old) == 0 && chdir("/") == 0, "pivot_root");
}

static void step(const char *name)
{
	char line[16];

	if (!strcmp(name, "unshare")) {
		must(unshare(CLONE_NEWNS) == 0 &&
				!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL),
			name);
	} else if (!strcmp(name, "bind")) {
		const char *from = next();

		must(mount(from, next(), NULL, MS_BIND | MS_REC, NULL) == 0, from);
	} else if (!strcmp(name, "tmpfs")) {
		must(mount("none", next(), "tmpfs", 0, NULL) == 0, name);
	} else if (!strcmp(name, "umount")) {
		must(umount2(next(), MNT_DETACH) == 0, name);
	} else if (!strcmp(name, "pivot")) {
		const char *new = next();

		pivot(new, next());
	} else if (!strcmp(name, "twice")) {
		must(chdir(next()) == 0, name);
		pivot(".", ".");
		must(umount2(".", MNT_DETACH) == 0, name);
	} else if (!strcmp(name, "move")) {
		must(chdir(next()) == 0 && mount(".", "/", NULL, MS_MOVE, NULL) == 0 &&
				chroot(".") == 0 && chdir("/") == 0,
			name);
	} else if (!strcmp(name, "chroot")) {
		must(chroot(next()) == 0 && chdir("/") == 0, name);
	} else if (!strcmp(name, "join")) {
		join(next());
	} else if (!strcmp(name, "read")) {
		open_with(O_RDONLY);
	} else if (!strcmp(name, "make")) {
		open_with(O_WRONLY | O_CREAT);
	} else if (!strcmp(name, "lack")) {
		must(access(next(), F_OK) < 0 && errno == ENOENT, name);
	} else if (!strcmp(name, "remove")) {
		must(unlink(next()) == 0, name);
	} else if (!strcmp(name, "fork")) {
		leave_to(fork());
	} else if (!strcmp(name, "clone")) {
		leave_to((pid_t)syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0));
	} else if (!strcmp(name, "thread")) {
		pthread_t thread;

		must(pthread_create(&thread, NULL, idle, NULL) == 0, name);
	} else if (!strcmp(name, "filter")) {
		filter();
	} else if (!strcmp(name, "wait")) {
		must(puts("waiting") >= 0 && fflush(stdout) == 0 &&
				fgets(line, sizeof(line), stdin),
			name);
	} else if (!strcmp(name, "exec")) {
		char **arguments = word;

		execv(next(), arguments);
		must(false, name);
	} else {
		error(2, 0, "%s: unknown", name);
	}
}

/* On its parent's memory, so it does nothing that its parent would miss. */
static void as_vfork_child(int words)
{
	char **end = word + words;
	char **begin = word;

	if (vfork() == 0) {
		while (word < end)
			step(next());
		word = begin;
		_exit(0);
	}
	word = end;
}

int main(int argc, char **argv)
{
	(void)argc;
	word = argv + 1;
	while (*word) {
		const char *name = next();

		if (!strcmp(name, "vfork"))
			as_vfork_child(atoi(next()));
		else
			step(name);
	}
	return 0;
}
