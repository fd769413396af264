/*
 * Uses files one after the other and says so on standard output, each only when the call has
 * returned: what stands there when the process is killed has happened before.
 *
 *   worker FOLDER FIRST COUNT [MICROSECONDS]
 *
 * Number i is a file FOLDER/i that exists. What is done with it depends on i alone, so that any two
 * runs over the same numbers do the same: read, check, look for a name that is not there, or make,
 * rename and remove a name of its own. MICROSECONDS is the time between two numbers.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *folder;

static char *path_of(const char *kind, long number)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s%ld", folder, kind, number);
	return path;
}

/* One write for each line: a killed process prints a whole line or nothing. */
static void say(const char *what, const char *path)
{
	char line[PATH_MAX + 32];
	int size = snprintf(line, sizeof(line), "%s %s\n", what, path);

	if (write(STDOUT_FILENO, line, size) != size)
		err(1, "standard output");
}

static void use(const char *path, int flags, const char *what)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	if (fd < 0)
		err(1, "%s", path);
	close(fd);
	say(what, path);
}

static void look_for_nothing(const char *path)
{
	if (access(path, F_OK) == 0 || errno != ENOENT)
		err(1, "%s: is there", path);
	say("missing", path);
}

static void make_rename_remove(long number)
{
	char made[PATH_MAX];
	char *renamed = path_of("renamed.", number);

	snprintf(made, sizeof(made), "%s/made.%ld", folder, number);
	use(made, O_WRONLY | O_CREAT | O_TRUNC, "create");
	if (rename(made, renamed) < 0)
		err(1, "%s", made);
	say("rename", made);
	say("rename", renamed);
	if (unlink(renamed) < 0)
		err(1, "%s", renamed);
	say("delete", renamed);
}

static void work(long number)
{
	struct stat status;

	switch (number % 8) {
	case 0:
		make_rename_remove(number);
		break;
	case 1:
		look_for_nothing(path_of("none.", number));
		break;
	case 2:
		if (stat(path_of("", number), &status) < 0)
			err(1, "stat");
		say("check", path_of("", number));
		break;
	default:
		use(path_of("", number), O_RDONLY, "read");
	}
}

int main(int argc, char **argv)
{
	if (argc < 4)
		errx(2, "usage: worker FOLDER FIRST COUNT [MICROSECONDS]");
	long first = atol(argv[2]), count = atol(argv[3]);
	useconds_t pause = argc > 4 ? (useconds_t)atol(argv[4]) : 0;

	folder = argv[1];
	for (long i = first; i < first + count; i++) {
		work(i);
		if (pause)
			usleep(pause);
	}
	return 0;
}
