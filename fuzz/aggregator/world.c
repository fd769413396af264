#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/aggregator/parts.h"
#include "lib/base/cleanup.h"

#define PATH_SIZE     64
#define FOLDERS_OPEN  16
#define STOPPING_STEP 1000 /* milliseconds: nobody has to wait for the patience of stop.c */

struct aggregator world;
int world_root = -1, world_other_root = -1;
char world_spool_file[PATH_SIZE];

static char folder[] = "/tmp/footprint-fuzz.XXXXXX";
static char container[PATH_SIZE], spool[PATH_SIZE], manifests[PATH_SIZE], listening[PATH_SIZE];
static uint64_t skipped; /* milliseconds */

void must(bool so, const char *what)
{
	if (so)
		return;
	perror(what);
	abort();
}

/* --- time ------------------------------------------------------------------------------------- */

/* In place of libuv's. */
uint64_t uv_now(const uv_loop_t *loop)
{
	(void)loop;
	return uv_hrtime() / 1000000 + skipped;
}

void world_wait(uint64_t ms)
{
	skipped += ms;
	aggregator_tick(&world);
}

/* --- the aggregator --------------------------------------------------------------------------- */

static void begin(void)
{
	const char *arguments[] = { "footprintd", "--socket", listening, "--spool", spool,
		"--manifests", manifests, "--interval", "3600", NULL };

	memset(&world, 0, sizeof(world));
	optind = 0;
	must(options_parse(&world.options, 9, (char **)arguments) == OPTIONS_RUN, "options");
	must(aggregator_begin(&world) == 0, "begin");
}

bool world_is_busy(void)
{
	return workers_busy(&world.workers) || world.snapshot.running;
}

void world_restart(void)
{
	stop_begin(&world);
	while (uv_run(&world.loop, UV_RUN_ONCE))
		if (!world_is_busy())
			skipped += STOPPING_STEP;
	must(aggregator_end(&world) == 0, "end");
	options_deinit(&world.options);
	begin();
}

/* --- the container ---------------------------------------------------------------------------- */

/* A file of the container, with what another one holds. */
static void copy_file(const char *from, const char *to)
{
	autoclose int in = open(from, O_RDONLY | O_CLOEXEC);
	autoclose int out = openat(world_root, to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	ssize_t n;

	must(in >= 0 && out >= 0, to);
	while ((n = copy_file_range(in, NULL, out, NULL, 1 << 20, 0)) > 0)
		;
	must(n == 0, to);
}

/* A container with one program. */
static void make_container(void)
{
	static const char *const folders[] = { "bin", "etc", "spool" };

	must(mkdir(container, 0755) == 0 && mkdir(spool, 01777) == 0, container);
	world_root = open(container, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < 3; i++)
		must(mkdirat(world_root, folders[i], 0755) == 0, folders[i]);
	copy_file("/bin/true", "bin/app");
	copy_file("/etc/hostname", "etc/a");
	must(symlinkat("app", world_root, "bin/link") == 0, "bin/link");
	world_other_root = openat(world_root, "etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status, (void)kind, (void)place;
	return remove(path);
}

static void remove_folder(void)
{
	if (nftw(folder, remove_entry, FOLDERS_OPEN, FTW_PHYS | FTW_DEPTH) != 0)
		perror(folder);
}

static void make_path(char path[static PATH_SIZE], const char *name)
{
	snprintf(path, PATH_SIZE, "%s/%s", folder, name);
}

void world_make(void)
{
	must(mkdtemp(folder), folder);
	atexit(remove_folder);
	make_path(container, "root");
	make_path(spool, "spool");
	make_path(world_spool_file, "spool/records.0");
	make_path(manifests, "manifests");
	make_path(listening, "aggregator.sock");
	make_container();
	begin();
}
