/*
 * late FILE: a process that forks its last child before the aggregator has answered that there is a
 * pool. The child finds the pool, and puts the program that it executes there, which reads FILE.
 * This process forks no more, so it never looks for the pool.
 *
 * Prints "asked" when the aggregator has been asked, waits for a line on standard input, prints
 * "done" when the program has ended, and ends when its input does.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void execute(char *const argv[])
{
	execv(argv[0], argv);
	_exit(127);
}

static void await(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child || status)
		errx(1, "a child failed");
}

/* The second program that is started asks for a pool. */
static void start_one(void)
{
	char *const argv[] = { "/bin/true", NULL };
	pid_t child = fork();

	if (child == 0)
		execute(argv);
	await(child);
}

/* Reads the file when the other end of `go` is closed. */
static void read_late(int go, char *file)
{
	char *const argv[] = { "/bin/cat", file, NULL };
	char none;

	if (read(go, &none, 1) != 0)
		_exit(126);
	execute(argv);
}

static void say(const char *word)
{
	puts(word);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int go[2];
	pid_t last;

	if (argc != 2 || pipe2(go, O_CLOEXEC) < 0)
		errx(2, "usage: late FILE");
	start_one();
	last = fork();
	if (last == 0) {
		close(go[1]);
		read_late(go[0], argv[1]);
	}
	/* Not by fork(): it would look whether the pool has come. */
	if (vfork() == 0)
		execute((char *const[]){ "/bin/true", NULL });
	say("asked");
	getchar();
	close(go[1]);
	await(last);
	say("done");
	while (getchar() != EOF)
		;
	return 0;
}
