/*
 * Looking for spool files: passes over the directory. Anybody may make files there, even a million,
 * so a pass is made in parts, between which others have their turn. It also waits where it is while
 * there is no place for another file, so that each file has its turn, whatever comes after it.
 *
 * Files that an earlier aggregator has taken and not finished come first.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "aggregator/spool/spool_parts.h"
#include "lib/base/cleanup.h"

#define ENTRIES_AT_ONCE 4096	/* of the directory, after which others have their turn */
#define PAUSE_MS	40	/* until the next part: a few milliseconds were spent on this one */
#define ENTRIES_MANY	100000u /* nobody who uses the spool as he should leaves so many */
#define LEFTOVERS_MAX	65536u	/* files of earlier aggregators that are put in order */

static void on_pause(uv_timer_t *timer);

/* --- what earlier aggregators took and did not finish ----------------------------------------- */

struct leftover {
	uint64_t number;
	char name[sizeof(((struct taken *)NULL)->name)];
};

static int compare_leftovers(const void *a, const void *b)
{
	const struct leftover *one = a, *other = b;

	return one->number < other->number ? -1 : one->number > other->number;
}

/* 0 or -ENOMEM. */
static int add_leftover(struct spool_pass *pass, const char *name, uint64_t number)
{
	uint32_t n = pass->n_leftovers;

	/* When n is a power of two, the list is full. */
	if (!(n & (n - 1))) {
		struct leftover *grown = realloc(pass->leftovers, (n ? 2 * n : 1) * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		pass->leftovers = grown;
	}
	pass->leftovers[n].number = number;
	memcpy(pass->leftovers[n].name, name, strlen(name) + 1); /* a number is short */
	pass->n_leftovers++;
	return 0;
}

static void list_leftover(struct spool_pass *pass, const char *name)
{
	uint64_t number;

	if (spool_numbered(name, SPOOL_TAKEN, &number) && add_leftover(pass, name, number) < 0)
		pass->found.failed = true;
}

/* --- a pass ----------------------------------------------------------------------------------- */

/* NULL: out of descriptors or memory. */
static DIR *open_stream(int directory)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !stream)
		close(fd);
	return stream;
}

/* False: the next tick tries again. */
static bool begin(struct aggregator *daemon)
{
	struct spool_pass *pass = &daemon->spool.pass;
	DIR *stream = open_stream(daemon->spool.directory);

	if (!stream)
		return false;
	*pass = (struct spool_pass){
		.stage = daemon->spool.left_behind ? PASS_LISTS_LEFTOVERS : PASS_TAKES_NEW,
		.stream = stream,
		.begun_ms = uv_now(&daemon->loop),
		.told = pass->told,
	};
	return true;
}

void spool_pass_drop(struct spool *spool)
{
	struct spool_pass *pass = &spool->pass;

	if (pass->stream)
		closedir(pass->stream);
	pass->stream = NULL;
	free(pass->leftovers);
	pass->leftovers = NULL;
}

/* If there were files for which there was no place, or no descriptor to open one that was renamed,
 * the next pass takes these. */
static void end(struct aggregator *daemon)
{
	struct spool *spool = &daemon->spool;
	struct spool_pass *pass = &spool->pass;

	spool_pass_drop(spool);
	spool_note_unread(daemon, pass->found.missed, !pass->found.failed);
	if (pass->found.failed) {
		spool->left_behind = true;
	} else if (!pass->found.crowded) {
		spool->left_behind = false;
		spool->scanned_ms = pass->begun_ms;
	}
	pass->told &= pass->n_entries >= ENTRIES_MANY;
}

static struct dirent *next_entry(struct aggregator *daemon)
{
	struct spool_pass *pass = &daemon->spool.pass;
	struct dirent *entry = readdir(pass->stream);

	if (entry && pass->n_entries++ == ENTRIES_MANY && !pass->told) {
		log_trouble("%s: has more than %u files: what processes leave there is found late; "
			    "remove what is not theirs",
			daemon->options.spool, ENTRIES_MANY);
		pass->told = true;
	}
	return entry;
}

/* Lists leftovers, as many as can be put in order at once. */
static void list_one(struct aggregator *daemon)
{
	struct spool_pass *pass = &daemon->spool.pass;
	struct dirent *entry = next_entry(daemon);

	if (entry)
		list_leftover(pass, entry->d_name);
	if (entry && pass->n_leftovers < LEFTOVERS_MAX)
		return;
	if (pass->n_leftovers)
		qsort(pass->leftovers, pass->n_leftovers, sizeof(*pass->leftovers),
			compare_leftovers);
	pass->stage = PASS_ADOPTS_LEFTOVERS;
	pass->all_listed = !entry;
}

/* Adopts the oldest first: records may need what the same process said in an older one. */
static void adopt_one(struct aggregator *daemon)
{
	struct spool_pass *pass = &daemon->spool.pass;

	if (pass->n_adopted < pass->n_leftovers) {
		spool_adopt_leftover(daemon, pass->leftovers[pass->n_adopted++].name, &pass->found);
		return;
	}
	free(pass->leftovers);
	pass->leftovers = NULL;
	pass->n_leftovers = pass->n_adopted = 0;
	pass->stage = PASS_LISTS_LEFTOVERS;
	if (!pass->all_listed)
		return;
	pass->stage = PASS_TAKES_NEW;
	pass->n_entries = 0;
	rewinddir(pass->stream);
}

static void take_one(struct aggregator *daemon)
{
	struct dirent *entry = next_entry(daemon);

	if (entry)
		spool_take_new(daemon, entry->d_name, &daemon->spool.pass.found);
	else
		end(daemon);
}

static void go_on(struct aggregator *daemon)
{
	static void (*const one[])(struct aggregator *) = {
		[PASS_LISTS_LEFTOVERS] = list_one,
		[PASS_ADOPTS_LEFTOVERS] = adopt_one,
		[PASS_TAKES_NEW] = take_one,
	};
	struct spool_pass *pass = &daemon->spool.pass;

	for (int i = 0; i < ENTRIES_AT_ONCE && pass->stream && spool_has_place(&daemon->spool); i++)
		one[pass->stage](daemon);
}

void spool_scan(struct aggregator *daemon)
{
	struct spool *spool = &daemon->spool;

	if (!spool->pass.stream && !begin(daemon)) {
		spool->left_behind = true;
		return;
	}
	go_on(daemon);
	if (spool->pass.stream && spool_has_place(spool))
		uv_timer_start(&spool->pause, on_pause, PAUSE_MS, 0);
}

static void on_pause(uv_timer_t *timer)
{
	struct aggregator *daemon = timer->data;

	if (!daemon->spool.pass.stream)
		return;
	spool_scan(daemon);
	if (!spool_busy(daemon))
		spool_read(daemon);
}

/* --- numbers ---------------------------------------------------------------------------------- */

/* Where there are very many files, only some are looked at: then files may be read in another order
 * than they were taken. */
void spool_number_on(struct spool *spool)
{
	DIR *stream = open_stream(spool->directory);
	struct dirent *entry;
	uint64_t number;

	if (!stream)
		return;
	for (unsigned i = 0; i < ENTRIES_MANY && (entry = readdir(stream)); i++)
		if (spool_numbered(entry->d_name, SPOOL_TAKEN, &number) &&
			number > spool->last_number && number < UINT64_MAX / 2)
			spool->last_number = number;
	closedir(stream);
}
