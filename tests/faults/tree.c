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
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DIRECTORIES 12
#define SUBS	    3
#define FILES	    20
#define PROGRAMS    4
#define HELD_MAX    6
#define LOG_FD	    300
#define THREADS_MAX 3

extern char **environ;

static const char *place, *logs;
static const char *how = ""; /* killed, traced */
static bool killed, traced;
static int log_fd = -1;
static char log_name[PATH_MAX];
static int budget; /* processes that this one may still start, with theirs */
static long names; /* given so far by this image */

/* Where this process is, as paths from the root that it was started with. */
static char data[PATH_MAX], where[PATH_MAX];
static const char *root = ""; /* what chroot made "/" */

/* Descriptors of directories. */
static struct held {
	int fd;
	char path[PATH_MAX];
} held[HELD_MAX];

/* Each thread has dice of its own. */
struct dice {
	uint64_t state;
};

static uint64_t next(struct dice *dice)
{
	dice->state ^= dice->state << 13;
	dice->state ^= dice->state >> 7;
	dice->state ^= dice->state << 17;
	return dice->state * 0x2545f4914f6cdd1dull;
}

static int below(struct dice *dice, int limit)
{
	return (int)(next(dice) >> 33) % limit;
}

static bool in_a_hundred(struct dice *dice, int percent)
{
	return below(dice, 100) < percent;
}

static struct dice another(struct dice *dice)
{
	return (struct dice){ next(dice) | 1 };
}

/* Like snprintf(), but a text that does not fit is the end. */
static void put(char *to, size_t size, const char *format, ...)
{
	va_list list;
	int length;

	va_start(list, format);
	length = vsnprintf(to, size, format, list);
	va_end(list);
	if (length < 0 || (size_t)length >= size)
		_exit(89);
}

/* --- the log ---------------------------------------------------------------------------------- */

/* In a process that has changed its root, the log has to be open already. */
static void open_log(void)
{
	int fd = open(log_name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		err(1, "%s", log_name);
	log_fd = fcntl(fd, F_DUPFD_CLOEXEC, LOG_FD);
	if (log_fd < 0)
		err(1, "log");
	close(fd);
}

static void name_log(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	put(log_name, sizeof(log_name), "%s/%d.%ld%09ld", logs, (int)getpid(), (long)now.tv_sec,
		now.tv_nsec);
}

static void say(char when, const char *what, const char *path)
{
	char line[PATH_MAX + 64];
	int size = snprintf(line, sizeof(line), "%c %s %s\n", when, what, path);

	if (write(log_fd, line, (size_t)size) != size)
		_exit(90);
}

static void check(bool right, const char *what, const char *path)
{
	char line[PATH_MAX + 64];
	int size, error = errno;

	if (right)
		return;
	size = snprintf(line, sizeof(line), "tree: %s %s: %s\n", what, path, strerror(error));
	(void)!write(STDERR_FILENO, line, (size_t)size);
	_exit(91);
}

/* --- paths ------------------------------------------------------------------------------------ */

/* A name that nobody else uses. */
static void new_name(char *to, size_t size)
{
	put(to, size, "%s-%ld", strrchr(log_name, '/') + 1,
		__atomic_add_fetch(&names, 1, __ATOMIC_RELAXED));
}

/* A folder below `data` that this process can reach: "directory-N" or "directory-N/sub-M". */
static void some_folder(struct dice *dice, char *to, size_t size)
{
	int n = below(dice, DIRECTORIES), sub = below(dice, SUBS + 2);

	if (*root)
		n = atoi(strrchr(root, '-') + 1);
	if (sub < SUBS)
		put(to, size, "directory-%d/sub-%d", n, sub);
	else
		put(to, size, "directory-%d", n);
}

/* A file, how it is called, and where it really is. */
struct path {
	int at;
	char text[PATH_MAX], real[PATH_MAX];
};

/* How the path from `from` to `data` looks. */
static void climb(const char *from, char *to)
{
	*to = '\0';
	for (const char *p = from + strlen(data); *p; p++)
		if (*p == '/')
			strcat(to, "../");
}

static void path_to(struct dice *dice, struct path *path, const char *folder, const char *name)
{
	const struct held *from = &held[below(dice, HELD_MAX)];
	char up[64];

	path->at = AT_FDCWD;
	put(path->real, PATH_MAX, "%s/%s/%s", data, folder, name);
	switch (below(dice, 6)) {
	case 0:
		if (!*root) {
			climb(where, up);
			put(path->text, PATH_MAX, "./%s%s/%s", up, folder, name);
			return;
		}
		/* fall through */
	case 1:
		put(path->text, PATH_MAX, "%s", name);
		put(path->real, PATH_MAX, "%s/%s", where, name);
		return;
	case 2:
		if (from->fd >= 0) {
			path->at = from->fd;
			put(path->text, PATH_MAX, "%s", name);
			put(path->real, PATH_MAX, "%s/%s", from->path, name);
			return;
		}
		/* fall through */
	case 3:
		if (from->fd >= 0 && !*root) {
			path->at = from->fd;
			climb(from->path, up);
			put(path->text, PATH_MAX, "%s%s/%s", up, folder, name);
			return;
		}
		/* fall through */
	case 4:
		if (!*root) {
			put(path->text, PATH_MAX, "%s/link-%s/%s", data, strchr(folder, '-') + 1,
				name);
			return;
		}
		/* fall through */
	default:
		put(path->text, PATH_MAX, "%s", path->real + strlen(root));
	}
}

/* --- what is done ----------------------------------------------------------------------------- */

static void look_for_nothing(struct dice *dice, const char *folder)
{
	struct stat status;
	struct path path;
	char name[128];
	int result;

	new_name(name, sizeof(name));
	path_to(dice, &path, folder, name);
	say('?', "missing", path.real);
	switch (below(dice, 3)) {
	case 0:
		result = openat(path.at, path.text, O_RDONLY | O_CLOEXEC);
		break;
	case 1:
		result = faccessat(path.at, path.text, F_OK, 0);
		break;
	default:
		result = fstatat(path.at, path.text, &status, 0);
	}
	check(result < 0 && errno == ENOENT, "there is", path.real);
	say('!', "missing", path.real);
}

static void use(struct path *path, int flags, const char *what)
{
	int fd;

	say('?', what, path->real);
	fd = openat(path->at, path->text, flags | O_CLOEXEC, 0644);
	check(fd >= 0, what, path->real);
	close(fd);
	say('!', what, path->real);
}

static void read_file(struct dice *dice, const char *folder)
{
	struct stat status;
	struct path path;
	char name[16];

	put(name, sizeof(name), "%d", below(dice, FILES));
	path_to(dice, &path, folder, name);
	if (in_a_hundred(dice, 70)) {
		use(&path, O_RDONLY, "read");
		return;
	}
	say('?', "check", path.real);
	check(!fstatat(path.at, path.text, &status, 0), "stat", path.real);
	say('!', "check", path.real);
}

static void make_file(struct dice *dice, const char *folder)
{
	struct path path;
	char name[128];

	new_name(name, sizeof(name));
	path_to(dice, &path, folder, name);
	use(&path, O_WRONLY | O_CREAT, "create");
	if (in_a_hundred(dice, 50)) {
		say('?', "delete", path.real);
		check(!unlinkat(path.at, path.text, 0), "unlink", path.real);
		say('!', "delete", path.real);
	}
}

static void do_something(struct dice *dice, const char *folder)
{
	int what = below(dice, 10);

	if (what < 5)
		look_for_nothing(dice, folder);
	else if (what < 8)
		read_file(dice, folder);
	else
		make_file(dice, folder);
}

static void something(struct dice *dice)
{
	char folder[64];

	some_folder(dice, folder, sizeof(folder));
	do_something(dice, folder);
}

/* Many files of few folders, so that these get numbers, and a cell or a segment becomes full. */
static void much(struct dice *dice, int most)
{
	int count = 20 + below(dice, most);
	char folders[2][64];

	some_folder(dice, folders[0], sizeof(folders[0]));
	some_folder(dice, folders[1], sizeof(folders[1]));
	for (int i = 0; i < count; i++)
		do_something(dice, folders[below(dice, 2)]);
}

/* --- directories ------------------------------------------------------------------------------ */

static struct held *let_go(struct dice *dice)
{
	struct held *it = &held[below(dice, HELD_MAX)];

	if (it->fd >= 0)
		close(it->fd);
	it->fd = -1;
	return it;
}

static void hold(struct dice *dice)
{
	struct held *it = let_go(dice);
	const struct held *from = &held[below(dice, HELD_MAX)];
	char folder[64], *slash;
	struct path path;
	bool look = in_a_hundred(dice, 40);

	if (in_a_hundred(dice, 20))
		return;
	if (from->fd >= 0 && in_a_hundred(dice, 25)) {
		put(it->path, PATH_MAX, "%s", from->path);
		it->fd = in_a_hundred(dice, 50) ? dup(from->fd)
						: fcntl(from->fd, F_DUPFD_CLOEXEC, 20);
		check(it->fd >= 0, "dup", it->path);
		return;
	}
	some_folder(dice, folder, sizeof(folder));
	/* "." and not the folder itself, so that the path has a last component. */
	path_to(dice, &path, folder, ".");
	slash = strrchr(path.real, '/');
	*slash = '\0';
	say('?', look ? "check" : "list", path.real);
	it->fd = openat(path.at, path.text,
		(look ? O_PATH : O_RDONLY) | O_DIRECTORY |
			(in_a_hundred(dice, 50) ? O_CLOEXEC : 0));
	check(it->fd >= 0, "open", path.real);
	say('!', look ? "check" : "list", path.real);
	put(it->path, PATH_MAX, "%s", path.real);
}

static void go_elsewhere(struct dice *dice)
{
	const struct held *to = &held[below(dice, HELD_MAX)];
	struct path path;
	char folder[64];

	if (to->fd >= 0 && in_a_hundred(dice, 30)) {
		check(!fchdir(to->fd), "fchdir", to->path);
		strcpy(where, to->path);
		return;
	}
	some_folder(dice, folder, sizeof(folder));
	do
		path_to(dice, &path, folder, ".");
	while (path.at != AT_FDCWD);
	*strrchr(path.real, '/') = '\0';
	say('?', "check", path.real);
	check(!chdir(path.text), "chdir", path.real);
	say('!', "check", path.real);
	strcpy(where, path.real);
}

static void close_all(struct dice *dice)
{
	switch (below(dice, 3)) {
	case 0:
		closefrom(3);
		break;
	case 1:
		close_range(3, UINT_MAX, 0);
		break;
	default:
		for (int fd = 3; fd < 512; fd++)
			close(fd);
	}
	for (int i = 0; i < HELD_MAX; i++)
		held[i].fd = -1;
	open_log();
}

/* --- signals ---------------------------------------------------------------------------------- */

/* Interrupts whatever there is, and uses a file relative to where the process is at that moment. */
static void interrupted(int signal)
{
	int error = errno;
	char name[128], path[PATH_MAX];

	(void)signal;
	if (getcwd(path, PATH_MAX / 2) && log_fd >= 0) {
		new_name(name, sizeof(name));
		strcat(strcat(path, "/"), name);
		say('?', "missing", path);
		check(faccessat(AT_FDCWD, name, F_OK, 0) < 0, "there is", path);
		say('!', "missing", path);
	}
	errno = error;
}

static void interrupt_every(int us)
{
	struct itimerval timer = { { 0, us }, { 0, us } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void while_interrupted(struct dice *dice)
{
	struct sigaction action = { .sa_handler = interrupted, .sa_flags = SA_RESTART };

	sigaction(SIGALRM, &action, NULL);
	interrupt_every(200 + below(dice, 1000));
	for (int i = below(dice, 60); i > 0; i--)
		(in_a_hundred(dice, 50) ? go_elsewhere : something)(dice);
	interrupt_every(0);
}

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

static void by_vfork(struct dice *dice)
{
	struct call call;
	char folder[PATH_MAX];
	bool moves = in_a_hundred(dice, 40);
	pid_t child;

	prepare(dice, &call, share(dice));
	put(folder, PATH_MAX, "%s/bin", place);
	say('?', "execute", call.path);
	child = vfork();
	check(child >= 0, "vfork", "");
	if (!child) {
		if (moves && chdir(folder) < 0)
			_exit(92);
		execv(moves ? strrchr(call.path, '/') + 1 : call.path, call.arguments);
		_exit(93);
	}
	say('!', "execute", call.path);
	if (in_a_hundred(dice, 70))
		wait_for(child);
}

static void by_spawn(struct dice *dice)
{
	posix_spawn_file_actions_t actions;
	struct call call;
	char folder[PATH_MAX];
	bool moves = in_a_hundred(dice, 40);
	pid_t child;

	prepare(dice, &call, share(dice));
	put(folder, PATH_MAX, "%s/bin", place);
	posix_spawn_file_actions_init(&actions);
	if (moves)
		posix_spawn_file_actions_addchdir_np(&actions, folder);
	say('?', "execute", call.path);
	check(!posix_spawn(&child, moves ? strrchr(call.path, '/') + 1 : call.path, &actions, NULL,
		      call.arguments, environ),
		"posix_spawn", call.path);
	say('!', "execute", call.path);
	posix_spawn_file_actions_destroy(&actions);
	if (in_a_hundred(dice, 70))
		wait_for(child);
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
		name_log();
		close(log_fd);
		open_log();
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
	name_log();
	close(log_fd);
	open_log();
	for (int i = 0; i < HELD_MAX; i++) {
		if (held[i].fd >= 0)
			close(held[i].fd);
		held[i].fd = -1;
	}
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
	for (int i = 0; i < HELD_MAX; i++)
		held[i].fd = -1;
	name_log();
	open_log();
	some_folder(&dice, folder, sizeof(folder));
	put(where, sizeof(where), "%s/%s", data, folder);
	say('?', "check", where);
	check(!chdir(where), "chdir", where);
	say('!', "check", where);
	live(&dice);
	end(&dice);
}
