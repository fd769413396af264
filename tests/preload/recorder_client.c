/*
 * A program with the recorder linked in, for test_recorder.py: each scenario makes facts that the
 * test can name by itself.
 *
 *   recorder_client SCENARIO [COUNT]
 *
 * Facts are paths "/made/SCENARIO/WHO/NUMBER". "ready" on stdout and a byte on stdin are how the
 * test keeps step.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/record/recorder.h"
#include "preload/session/memory.h"
#include "preload/sites/sites.h"

#define THREADS	  8
#define CHILDREN  6
#define SPIN_LOOP 2000

/* The recorder would look for our library in environments of programs; there is none here. */
const char *environment_library(void)
{
	return NULL;
}

bool environment_is_readable(char *const *envp)
{
	return envp != NULL;
}

/* The recorder's constructor calls this; there is nothing to redirect here. */
void sites_install(const struct entry *entry)
{
	(void)entry;
}

static const char *scenario;
static long count = 100;

static void make_fact(const char *who, long number)
{
	char path[200];

	snprintf(path, sizeof(path), "/made/%s/%s/%ld", scenario, who, number);
	record_path(ACCESS_CHECK, AT_FDCWD, path, 0);
}

static void make_facts(const char *who, long n)
{
	for (long i = 0; i < n; i++)
		make_fact(who, i);
}

static void keep_step(void)
{
	char byte;

	if (write(1, "ready\n", 6) != 6 || read(0, &byte, 1) != 1)
		_exit(99);
}

static int run_plain(void)
{
	make_facts("main", count);
	make_facts("main", count); /* known by now */
	return 0;
}

/* After `count` facts, sequences of new facts, with sequences of known ones between them. */
static int run_rows(void)
{
	const long row = 20, rows = 500;

	make_facts("main", count);
	for (long i = 0; i < rows * row; i++) {
		make_fact("row", i);
		if (i % row == row - 1)
			for (long known = i + 1 - row; known <= i; known++)
				make_fact("main", known);
	}
	return 0;
}

static void *thread(void *argument)
{
	char who[20];

	snprintf(who, sizeof(who), "thread%ld", (long)argument);
	make_facts(who, count);
	make_facts("all", count);
	return NULL;
}

static int run_threads(void)
{
	pthread_t threads[THREADS];

	for (long i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, thread, (void *)i))
			return 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static pid_t forked(void)
{
	pid_t pid;

	record_fork_begin();
	pid = fork();
	record_fork_end(pid);
	return pid;
}

static int run_forks(void)
{
	for (long i = 0; i < CHILDREN; i++) {
		char who[20];

		if (forked())
			continue;
		snprintf(who, sizeof(who), "child%ld", i);
		make_facts(who, count);
		make_facts("all", count);
		if (i == CHILDREN - 1)
			kill(getpid(), SIGKILL); /* says no goodbye */
		record_goodbye();
		_exit(0);
	}
	make_facts("parent", count);
	while (wait(NULL) > 0)
		;
	return 0;
}

/* A fork that fails: there is no child. */
static int run_failed_fork(void)
{
	record_fork_begin();
	record_fork_end(-1);
	make_facts("parent", count);
	return 0;
}

/* The last process of the image is a child that outlives its parent. */
static int run_orphan(void)
{
	if (forked())
		return 0;
	while (getppid() != 1 && prctl(PR_SET_PDEATHSIG, 0) == 0 && kill(getppid(), 0) == 0)
		usleep(1000);
	make_facts("orphan", count);
	return 0;
}

static volatile long signals_taken;

static void on_signal(int number)
{
	(void)number;
	make_fact("handler", signals_taken++);
}

static int run_signals(void)
{
	struct itimerval timer = { { 0, 50 }, { 0, 50 } };

	signal(SIGALRM, on_signal);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (long i = 0; i < count || signals_taken < count; i++)
		make_fact("main", i);
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_REAL, &timer, NULL);
	printf("%ld\n", signals_taken);
	return 0;
}

static int run_killed(void)
{
	make_facts("main", count);
	return raise(SIGKILL);
}

/* Killed while threads record: every record that is there must be whole. */
static int run_killed_in_threads(void)
{
	for (long i = 0; i < THREADS; i++) {
		pthread_t ignored;

		if (pthread_create(&ignored, NULL, thread, (void *)i))
			return 1;
	}
	usleep(SPIN_LOOP);
	return raise(SIGKILL);
}

/* The log is given back while a thread writes to it: what it wrote behind the acknowledged part
 * must stay. */
static void *release(void *argument)
{
	struct segment *segment = argument;

	while (!__atomic_load_n(&segment->released, __ATOMIC_ACQUIRE)) {
		uint64_t end = segment_end(segment);

		if (end < segment->head.log_size / 2)
			continue;
		__atomic_store_n(&segment->head.acknowledged, end, __ATOMIC_RELEASE);
		segment_release(segment);
	}
	return NULL;
}

static bool stays_behind(const struct segment *segment, uint32_t *const *slots, size_t n)
{
	const unsigned char *log = (const unsigned char *)segment + segment->head.log_offset;

	for (size_t i = 0; i < n; i++)
		if ((uint64_t)((unsigned char *)slots[i] - log) >= segment->released &&
			SLOT_STATE(*slots[i]) != SLOT_READY)
			return false;
	return segment_end((struct segment *)segment) >= segment->released;
}

static bool release_once(void)
{
	const struct record record = {
		.kind = RECORD_PATH, .access = ACCESS_READ, .path = "/made", .path_size = 5
	};
	static uint32_t *slots[8192];
	struct segment first = { 0 }, *segment;
	size_t n = 0;
	pthread_t releaser;
	int memfd = -1;
	bool stays;

	segment = segment_new(128 << 10, &first, &memfd);
	segment->way = SEGMENT_HELD;
	segment_open_log(segment, sizeof(*segment), 0);
	if (pthread_create(&releaser, NULL, release, segment))
		return false;
	while (n < sizeof(slots) / sizeof(*slots) &&
		(slots[n] = segment_append(segment, &record, SLOT_READY)))
		n++;
	pthread_join(releaser, NULL);
	stays = stays_behind(segment, slots, n);
	segment_discard(segment);
	close(memfd);
	return stays;
}

static int run_released(void)
{
	for (long i = 0; i < count; i++)
		if (!release_once())
			return 1;
	return 0;
}

/* An image begins in a cell where the parent has looked for the last time, and where another image
 * has left something. */
static int run_cell(void)
{
	struct segment *cell = calloc(1, POOL_CELL_SIZE);
	bool kept;

	cell->head.magic = POOL_OCCUPIED;
	cell->head.lost = cell->life.ended = cell->gone[0] = 1;
	cell->life.given_up = 1;
	segment_begin_cell(cell);
	kept = cell->life.given_up && cell->head.magic == POOL_OCCUPIED && !cell->head.lost &&
	       !cell->life.ended && !cell->gone[0] && cell->head.users == 1;
	free(cell);
	return !kept;
}

/* The paths of standard input, a line each. From a line "fork" on a child makes the rest, too. */
static int run_told(void)
{
	char *text = NULL;
	size_t room = 0;

	if (getdelim(&text, &room, 0, stdin) < 0)
		return 1;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (strcmp(line, "fork"))
			record_path(ACCESS_CHECK, AT_FDCWD, line, 0);
		else if (forked() > 0)
			wait(NULL);
	}
	free(text);
	return 0;
}

static int run_steps(void)
{
	make_facts("before", count);
	keep_step();
	make_facts("between", count);
	keep_step();
	make_facts("after", count);
	return 0;
}

/* Goes on with the same directory. */
static int run_resumed(void)
{
	make_facts("all", count);
	keep_step();
	for (long i = count; i < 2 * count; i++)
		make_fact("all", i);
	return 0;
}

/* Fills more than a segment at each step. */
static int run_growing(void)
{
	for (int i = 0; i < 3; i++) {
		char who[20];

		snprintf(who, sizeof(who), "step%d", i);
		make_facts(who, count);
		keep_step();
	}
	return 0;
}

/* Every descriptor is closed by raw system calls, and files are opened with their numbers. */
static int run_closed(void)
{
	int fd;

	syscall(SYS_close_range, 3, ~0u, 0);
	do
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	while (fd >= 0 && fd < 1020);
	make_facts("main", count);
	keep_step();
	make_facts("late", count);
	return 0;
}

static int run_exec(void)
{
	uint64_t ticket = record_exec_begin(AT_FDCWD, "/made/exec/failed", GLANCE_NONE);

	record_exec_failed(ticket, AT_FDCWD, "/made/exec/failed", ENOENT);
	if (record_exec_begin(AT_FDCWD, (const char *)8,
		    GLANCE_MAY_BE)) /* a pointer that execve would refuse */
		return 1;
	record_goodbye();
	record_goodbye_undo();
	ticket = record_exec_begin(AT_FDCWD, "/etc/passwd", GLANCE_NONE); /* may not be executed */
	record_goodbye();
	record_goodbye_undo();
	record_exec_failed(ticket, AT_FDCWD, "/etc/passwd", EACCES);
	record_exec_begin(AT_FDCWD, "/bin/sh", GLANCE_MAY_BE);
	record_goodbye();
	return 0;
}

static int run_memory_only(void)
{
	record_memory_only();
	make_facts("main", count);
	return syscall(SYS_exit_group, 0);
}

/* A vfork child with a working directory and descriptors of its own. */
static int run_vfork(void)
{
	int fd = open("/usr", O_RDONLY | O_DIRECTORY);

	record_open(AT_FDCWD, "/usr", O_RDONLY | O_DIRECTORY, fd, 0);
	if (vfork() == 0) {
		syscall(SYS_chdir, "/etc");
		record_chdir(0, "/etc", 0);
		record_path(ACCESS_CHECK, AT_FDCWD, "child-in-etc", 0);
		syscall(SYS_close, fd);
		syscall(SYS_dup3, syscall(SYS_open, "/var", O_RDONLY | O_DIRECTORY), fd, 0);
		record_open(AT_FDCWD, "/var", O_RDONLY | O_DIRECTORY, fd, 0);
		record_path(ACCESS_CHECK, fd, "child-in-var", 0);
		record_goodbye();
		_exit(0);
	}
	record_path(ACCESS_CHECK, fd, "parent-in-usr", 0);
	record_path(ACCESS_CHECK, AT_FDCWD, "parent-at-start", 0);
	record_directory_unknown();
	record_path(ACCESS_CHECK, AT_FDCWD, "parent-again", 0);
	return 0;
}

/* A process that was made without a hook's seeing it. */
static int run_raw_clone(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0) {
		syscall(SYS_chdir, "/etc");
		record_chdir(0, "/etc", 0);
		record_path(ACCESS_CHECK, AT_FDCWD, "child-in-etc", 0);
		record_goodbye();
		syscall(SYS_exit_group, 0);
	}
	waitpid((pid_t)pid, NULL, 0);
	record_path(ACCESS_CHECK, AT_FDCWD, "parent-at-start", 0);
	return 0;
}

/* After a chroot, the kernel reports paths as seen from the new root, and records must have them as
 * seen from the old one. */
static int run_chroot(void)
{
	int fd;

	syscall(SYS_chdir, "/usr");
	record_chdir(0, "/usr", 0);
	if (syscall(SYS_chroot, "."))
		return 77;
	record_path(ACCESS_CHECK, AT_FDCWD, ".", 0);
	record_chroot(0, ".");
	record_directory_unknown();
	record_path(ACCESS_CHECK, AT_FDCWD, "/absolute", 0);
	record_path(ACCESS_CHECK, AT_FDCWD, "relative", 0);
	fd = (int)syscall(SYS_open, "/lib", O_RDONLY | O_DIRECTORY);
	record_open(AT_FDCWD, "/lib", O_RDONLY | O_DIRECTORY, fd, 0);
	record_path(ACCESS_CHECK, fd, "beside", 0);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} scenarios[] = {
	{ "plain", run_plain },
	{ "rows", run_rows },
	{ "threads", run_threads },
	{ "forks", run_forks },
	{ "failed-fork", run_failed_fork },
	{ "orphan", run_orphan },
	{ "signals", run_signals },
	{ "killed", run_killed },
	{ "killed-in-threads", run_killed_in_threads },
	{ "released", run_released },
	{ "cell", run_cell },
	{ "told", run_told },
	{ "steps", run_steps },
	{ "resumed", run_resumed },
	{ "growing", run_growing },
	{ "closed", run_closed },
	{ "exec", run_exec },
	{ "memory-only", run_memory_only },
	{ "vfork", run_vfork },
	{ "chroot", run_chroot },
	{ "raw-clone", run_raw_clone },
};

int main(int argc, char **argv)
{
	scenario = argc > 1 ? argv[1] : "";
	if (argc > 2)
		count = atol(argv[2]);
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		if (!strcmp(scenarios[i].name, scenario))
			return scenarios[i].run();
	fprintf(stderr, "recorder_client: no scenario '%s'\n", scenario);
	return 2;
}
