#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define DEEPEST 1500 /* bytes of the path of a folder in which others are made */

char data[PATH_MAX], where[PATH_MAX];
const char *root = "";
static long names; /* given so far by this image */

/* Descriptors of directories. */
static struct held {
	int fd;
	bool stays; /* when the process executes another program */
	char path[PATH_MAX];
} held[HELD_MAX] = { [0 ... HELD_MAX - 1] = { .fd = -1 } };

void new_name(char *to, size_t size)
{
	put(to, size, "%s-%ld", strrchr(log_name, '/') + 1,
		__atomic_add_fetch(&names, 1, __ATOMIC_RELAXED));
}

void some_folder(struct dice *dice, char *to, size_t size)
{
	int n = below(dice, DIRECTORIES), sub = below(dice, SUBS + 2);

	if (*root)
		n = atoi(strrchr(root, '-') + 1);
	if (sub < SUBS)
		put(to, size, "directory-%d/sub-%d", n, sub);
	else
		put(to, size, "directory-%d", n);
}

/* How the path from `from` to `data` looks. It is no longer than `from`, but for the shortest. */
static void climb(const char *from, char *to)
{
	*to = '\0';
	for (const char *p = from + strlen(data); *p; p++)
		if (*p == '/')
			strcat(to, "../");
}

void path_to(struct dice *dice, struct path *path, const char *folder, const char *name)
{
	const struct held *from = &held[below(dice, HELD_MAX)];
	char up[PATH_MAX];

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
	do
		path_to(dice, &path, folder, name);
	while (strchr(path.real + strlen(data), '.')); /* a folder that was made has no files */
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

void something(struct dice *dice)
{
	char folder[64];

	some_folder(dice, folder, sizeof(folder));
	do_something(dice, folder);
}

void much(struct dice *dice, int most)
{
	int count = 20 + below(dice, most);
	char folders[2][64];

	some_folder(dice, folders[0], sizeof(folders[0]));
	some_folder(dice, folders[1], sizeof(folders[1]));
	for (int i = 0; i < count; i++)
		do_something(dice, folders[below(dice, 2)]);
}

/* --- directories ------------------------------------------------------------------------------ */

/* Goes down into a new folder, which then perhaps is renamed. */
void make_folder(struct dice *dice)
{
	char name[128], other[128], before[PATH_MAX];

	if (strlen(where) > DEEPEST)
		return;
	new_name(name, sizeof(name));
	strcpy(before, where);
	put(where, PATH_MAX, "%s/%s", before, name);
	say('?', "make", where);
	check(!mkdir(name, 0777), "mkdir", where);
	say('!', "make", where);
	if (in_a_hundred(dice, 30)) {
		new_name(other, sizeof(other));
		say('?', "renamed-from", where);
		put(where, PATH_MAX, "%s/%s", before, other);
		say('?', "renamed-to", where);
		check(!rename(name, other), "rename", where);
		say('!', "renamed-to", where);
		strcpy(name, other);
	}
	say('?', "check", where);
	check(!chdir(name), "chdir", where);
	say('!', "check", where);
	for (int i = below(dice, 10); i > 0; i--)
		something(dice);
}

static void let_go(struct held *it)
{
	if (it->fd >= 0)
		close(it->fd);
	it->fd = -1;
}

void let_go_of_all(void)
{
	for (int i = 0; i < HELD_MAX; i++)
		let_go(&held[i]);
}

bool name_inherited(int index, char *to, size_t size)
{
	const struct held *it = &held[index];

	if (it->fd >= 0 && it->stays)
		put(to, size, "%d=%s", it->fd, it->path);
	return it->fd >= 0 && it->stays;
}

void inherit(const char *name)
{
	static int count;
	int fd = atoi(name);

	if (fcntl(fd, F_GETFD) < 0 || count == HELD_MAX)
		return;
	held[count] = (struct held){ .fd = fd, .stays = true };
	put(held[count++].path, PATH_MAX, "%s", strchr(name, '=') + 1);
}

void hold(struct dice *dice)
{
	struct held *it = &held[below(dice, HELD_MAX)];
	const struct held *from = &held[below(dice, HELD_MAX)];
	char folder[64], *slash;
	struct path path;
	bool look = in_a_hundred(dice, 40);

	let_go(it);
	if (in_a_hundred(dice, 20))
		return;
	if (from->fd >= 0 && in_a_hundred(dice, 25)) {
		put(it->path, PATH_MAX, "%s", from->path);
		it->stays = in_a_hundred(dice, 50);
		it->fd = it->stays ? dup(from->fd) : fcntl(from->fd, F_DUPFD_CLOEXEC, 20);
		check(it->fd >= 0, "dup", it->path);
		return;
	}
	some_folder(dice, folder, sizeof(folder));
	/* "." and not the folder itself, so that the path has a last component. */
	path_to(dice, &path, folder, ".");
	slash = strrchr(path.real, '/');
	*slash = '\0';
	say('?', look ? "check" : "list", path.real);
	it->stays = in_a_hundred(dice, 50);
	it->fd = openat(path.at, path.text,
		(look ? O_PATH : O_RDONLY) | O_DIRECTORY | (it->stays ? 0 : O_CLOEXEC));
	check(it->fd >= 0, "open", path.real);
	say('!', look ? "check" : "list", path.real);
	put(it->path, PATH_MAX, "%s", path.real);
}

void go_elsewhere(struct dice *dice)
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

void close_all(struct dice *dice)
{
	switch (below(dice, 4)) {
#ifdef __GLIBC__
	case 0:
		closefrom(3);
		break;
	case 1:
		close_range(3, UINT_MAX, 0);
		break;
#endif
	case 2:
		syscall(SYS_close_range, 3, UINT_MAX, 0);
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

void interrupt_every(int us)
{
	struct itimerval timer = { { 0, us }, { 0, us } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

void while_interrupted(struct dice *dice)
{
	struct sigaction action = { .sa_handler = interrupted, .sa_flags = SA_RESTART };

	sigaction(SIGALRM, &action, NULL);
	interrupt_every(200 + below(dice, 1000));
	for (int i = below(dice, 60); i > 0; i--)
		(in_a_hundred(dice, 50) ? go_elsewhere : something)(dice);
	interrupt_every(0);
}
