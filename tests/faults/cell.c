/*
 * cell FOLDER: a process that says goodbye and goes on, in executions that fail, while a forked
 * child ends. Then it reads FOLDER/0 and FOLDER/1 in a destructor, and FOLDER/2 in the function
 * that exit calls last. Before each of them, it gives other programs the time to take its cell, in
 * case that counts as free.
 *
 * cell FOLDER MANY: a process that looks for MANY files, FOLDER/early-0 and so on, and for as many,
 * FOLDER/late-0 and so on, when exit flushes a stream, which comes after all functions that it
 * calls. With "relative" as third argument, all are relative to a descriptor of FOLDER; with
 * "root", FOLDER is its root.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *folder;
static const char *before;   /* what stands before the names */
static int many, descriptor; /* the latter of FOLDER */

static void look_for(const char *name)
{
	char path[4096];

	for (int i = 0; i < many; i++) {
		snprintf(path, sizeof(path), "%s/%s-%d", before, name, i);
		if (!faccessat(descriptor, path, F_OK, 0))
			_exit(3);
	}
}

static void go_to_folder(const char *way)
{
	bool in_root = strcmp(way, "root") == 0;

	before = in_root ? "" : ".";
	descriptor = open(folder, O_RDONLY | O_DIRECTORY);
	if (descriptor < 0 || (in_root && (chroot(folder) || chdir("/"))))
		_exit(4);
}

static void read_file(int number)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%d", folder, number);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		_exit(2);
	close(fd);
}

/* The manifest is written every fifth of a second. */
static void let_others_take_it(void)
{
	usleep(700 * 1000);
}

static ssize_t write_late(void *cookie, const char *bytes, size_t size)
{
	(void)cookie, (void)bytes;
	look_for("late");
	return (ssize_t)size;
}

static int look_early_and_late(void)
{
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = write_late });

	look_for("early");
	return stream && fputs("late", stream) >= 0 ? 0 : 1;
}

__attribute__((destructor)) static void late(void)
{
	if (!folder || many)
		return;
	let_others_take_it();
	read_file(1);
}

/* Registered before any constructor has run, so it is called after everything that constructors
 * register. */
static void last(int status, void *unused)
{
	(void)status, (void)unused;
	if (!folder || many)
		return;
	let_others_take_it();
	read_file(2);
}

static void first(void)
{
	on_exit(last, NULL);
}

__attribute__((section(".preinit_array"), used)) static void (*const preinit)(void) = first;

int main(int argc, char **argv)
{
	char *const nothing[] = { "nothing", NULL };
	pid_t child;

	if (argc >= 3) {
		folder = argv[1];
		many = atoi(argv[2]);
		before = folder;
		if (argc > 3)
			go_to_folder(argv[3]);
		return look_early_and_late();
	}
	if (argc != 2)
		return 1;
	child = fork();
	if (child == 0) {
		usleep(20 * 1000);
		exit(0);
	}
	/* Most likely, the child ends during one of these. */
	for (int i = 0; i < 2000; i++)
		execv("/nonexistent/program", nothing);
	if (child < 0 || waitpid(child, NULL, 0) != child)
		return 1;
	folder = argv[1];
	let_others_take_it();
	read_file(0);
	return 0;
}
