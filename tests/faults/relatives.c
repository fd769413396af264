/*
 * A family of processes, of which one has been taken over: it overwrites all memory that it shares
 * with the others, again and again, while these do what programs do. With seed 0 it only writes
 * another path, ".../stray", where one of a folder "spool" stands.
 *
 *   relatives FOLDER SEED ROUNDS
 *
 * It says "done" when its relatives have done all that they wanted, each call with the result that
 * it should have.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define AREAS_MAX 64
#define POOL_SIZE (128ul << 20) /* at least: behind its end nothing is touched */
#define PAGE	  4096ul
#define FILES	  50

extern char **environ;

struct area {
	uint64_t *words;
	size_t size; /* bytes */
};

static uint64_t state;

static uint64_t dice(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* --- the one that has been taken over --------------------------------------------------------- */

/* The mapping of a pool ends before its cells, but leads to all of it. */
static struct area whole_pool(struct area part, size_t size)
{
	void *all = mremap(part.words, 0, size, MREMAP_MAYMOVE);

	return all == MAP_FAILED ? part : (struct area){ all, size };
}

/* What stands there as a size, if it is a pool's: behind its magic. */
static size_t pool_size(const struct area *area)
{
	uint32_t size;

	memcpy(&size, area->words + 1, sizeof(size));
	return size < POOL_SIZE ? size : 0;
}

static unsigned shared_areas(struct area *areas)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], rights[5];
	unsigned long from, to;
	unsigned n = 0;

	while (maps && n < AREAS_MAX && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) != 3 ||
			strcmp(rights, "rw-s") || !strstr(line, "memfd:footprint"))
			continue;
		areas[n] = (struct area){ (uint64_t *)from, to - from };
		if (strstr(line, "memfd:footprint-pool") && pool_size(&areas[n]) > to - from)
			areas[n] = whole_pool(areas[n], pool_size(&areas[n]));
		n++;
	}
	if (maps)
		fclose(maps);
	return n;
}

/* What may be taken for an address, a size, an offset or a count. */
static uint64_t poison(const struct area *area)
{
	switch (dice() % 6) {
	case 0:
		return dice();
	case 1:
		return UINT64_MAX - dice() % 64;
	case 2:
		return dice() % (2 * area->size);
	case 3:
		return (dice() << 32) | dice() % (1 << 24);
	case 4:
		return (uint64_t)(uintptr_t)area->words + dice() % (4 * area->size);
	default:
		return 0;
	}
}

/* Most of what matters stands in the first pages. */
static void overwrite(const struct area *area)
{
	size_t size = dice() % 4 ? area->size < PAGE ? area->size : PAGE : area->size;

	__atomic_store_n(&area->words[dice() % (size / 8)], poison(area), __ATOMIC_RELAXED);
}

static void lead_astray(const struct area *area)
{
	char *from = (char *)area->words, *end = from + area->size, *found;

	while ((found = memmem(from, (size_t)(end - from), "/spool", sizeof("/spool")))) {
		memcpy(found, "/stray", sizeof("/stray"));
		from = found + 1;
	}
}

static _Noreturn void be_hostile(void)
{
	struct area areas[AREAS_MAX];
	unsigned n = shared_areas(areas);
	bool only_paths = state == 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!n)
		_exit(3);
	for (unsigned i = 0; i < n; i++)
		lead_astray(&areas[i]);
	while (only_paths)
		pause();
	for (;;)
		overwrite(&areas[dice() % n]);
}

/* --- its relatives ---------------------------------------------------------------------------- */

static void use(const char *folder, long number)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%ld", folder, number % FILES);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", path);
	close(fd);
	/* Paths that nobody has named before: each is a record. */
	snprintf(path, sizeof(path), "%s/none.%d.%ld", folder, getpid(), number);
	if (access(path, F_OK) == 0)
		errx(1, "%s: is there", path);
}

static void await(pid_t child, const char *what)
{
	int status;

	if (waitpid(child, &status, 0) != child || status)
		errx(1, "%s: status %#x", what, status);
}

static void start_program(void)
{
	char *arguments[] = { "true", NULL };
	pid_t child;
	int error = posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ);

	if (error)
		errx(1, "posix_spawn: %s", strerror(error));
	await(child, "/bin/true");
}

static void start_child(const char *folder, long number)
{
	pid_t child = fork();

	if (child < 0)
		err(1, "fork");
	if (!child) {
		for (int i = 0; i < 20; i++)
			use(folder, number + i);
		exit(0);
	}
	await(child, "a child");
}

int main(int argc, char **argv)
{
	const char *folder = argv[1];
	pid_t hostile;

	if (argc != 4)
		errx(2, "usage: relatives FOLDER SEED ROUNDS");
	state = strtoull(argv[2], NULL, 10) * 2654435761u + 1;
	/* By the third, a pool is there for programs that are started. */
	for (int i = 0; i < 8; i++) {
		start_program();
		use(folder, i);
		usleep(2000);
	}
	hostile = fork();
	if (!hostile)
		be_hostile();
	usleep(20000);
	for (long round = 0; round < atol(argv[3]); round++) {
		use(folder, round);
		if (round % 8 == 0)
			start_program();
		if (round % 8 == 4)
			start_child(folder, round);
	}
	if (waitpid(hostile, NULL, WNOHANG))
		errx(1, "nobody was hostile");
	kill(hostile, SIGKILL);
	waitpid(hostile, NULL, 0);
	puts("done");
	return 0;
}
