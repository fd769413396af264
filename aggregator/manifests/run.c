#include "aggregator/manifests/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/aggregator.h"
#include "aggregator/clock.h"
#include "aggregator/manifests/run_end.h"
#include "lib/base/cleanup.h"
#include "lib/base/hash.h"

#define UNKEPT "while no aggregator listened, processes could keep nothing"

/* A count, under the hash of what is counted: 64 bits, with a key that peers do not know. */
struct counted {
	uint64_t key;
	uint64_t count;
};

struct run_root {
	struct root_name name;
};

/* 64 bits of the random key that lib/base/hash.h has for this process. */
static uint64_t secret(void)
{
	return (uint64_t)hash_bytes("a", 1) << 32 | hash_bytes("b", 1);
}

/* Hashes several texts: the hash of one is the seed of the next. */
static uint64_t hash_text(uint64_t seed, const char *text)
{
	const uint64_t key[2] = { seed, secret() };

	return hash_siphash13(key, text, strlen(text) + 1);
}

static void reset(struct run *run)
{
	free(run->first);
	table_deinit(&run->images);
	table_deinit(&run->gaps);
	table_deinit(&run->roots);
	scripts_deinit(&run->scripts);
	*run = (struct run){
		.images = TABLE_OF(struct counted, key),
		.gaps = TABLE_OF(struct counted, key),
		.roots = TABLE_OF(struct run_root, name),
	};
	scripts_init(&run->scripts);
}

void run_init(struct run *run)
{
	*run = (struct run){ 0 };
	reset(run);
}

void run_deinit(struct run *run)
{
	reset(run);
}

/* --- joining ---------------------------------------------------------------------------------- */

static int seed_image(void *context, const char *path, uint64_t runs)
{
	struct run *run = context;
	uint64_t key = hash_text(0, path);
	uint32_t place;

	if (table_add(&run->images, &key, &place) < 0)
		return -ENOMEM;
	((struct counted *)table_at(&run->images, place))->count = runs;
	return 0;
}

/* Continues the run in the manifest on disk to which a session that started then belongs: one
 * without an end (an earlier aggregator watched it), or one during which the session started.
 * Without memory, the session begins a run of its own: reported twice, but not lost. The manifest
 * may be being written at this moment. */
static bool continue_run(struct application *application, const char *host, uint64_t started_ns)
{
	struct run *run = &application->run;
	struct manifest_run before;

	if (!manifest_find_run(application->manifest, host, started_ns, &before) ||
		manifest_each_program(application->manifest, seed_image, run) < 0)
		return false;
	run->continued = run->named = true;
	run->started_ns = before.started_ns;
	run->ended_ns = before.ended_ns;
	run->processes = before.processes;
	run->records = before.records;
	/* The run began with the session whose start it has, or with one that is known already. */
	run->first_started_ns = before.started_ns + 1;
	if (!before.ended_ns && application->daemon->ledger.read_only)
		run->unattended = "the spool was read-only while no aggregator listened";
	return true;
}

static void open_run(struct application *application, const char *host, uint64_t started_ns)
{
	struct run *run = &application->run;

	reset(run);
	run->open = true;
	snprintf(run->host, sizeof(run->host), "%s", host);
	run->started_ns = started_ns;
	run->first_started_ns = UINT64_MAX;
}

void run_resume(struct application *application, const char *host, uint64_t started_ns,
	uint64_t lived_ns, bool unkept)
{
	struct run *run = &application->run;

	if (run->open)
		return;
	open_run(application, host, started_ns);
	if (!continue_run(application, host, started_ns)) {
		reset(run);
		return;
	}
	run->ended_ns = lived_ns > run->ended_ns ? lived_ns : run->ended_ns;
	run->quiet_since_ms = uv_now(&application->daemon->loop);
	run->unkept = unkept;
	if (unkept)
		run->unattended = UNKEPT;
	application->dirty |= run->unattended != NULL;
}

void run_join(struct application *application, const char *host, uint64_t started_ns)
{
	struct run *run = &application->run;

	if (!run->open) {
		open_run(application, host, started_ns);
		continue_run(application, host, started_ns);
	} else if (!run->named && started_ns < run->started_ns) {
		run->started_ns = started_ns;
		snprintf(run->host, sizeof(run->host), "%s", host);
	}
	run->live++;
	application->dirty = true;
}

void run_hold(struct application *application)
{
	application->run.live++;
}

void run_could_not_keep(struct application *application, uint64_t started_ns, uint64_t since_ns)
{
	struct run *run = &application->run;

	if (started_ns >= since_ns || run->unattended)
		return;
	run->unattended = UNKEPT;
	application->dirty = true;
}

void run_cannot_keep(struct application *application, uint64_t started_ns)
{
	application->dirty |= !application->run.unkept; /* so that a successor learns it */
	application->run.unkept = true;
	run_could_not_keep(application, started_ns, application->daemon->listening_ns);
}

/* --- counting --------------------------------------------------------------------------------- */

int run_image(struct application *application, const char *path, uint64_t started_ns, bool counts,
	uint64_t *ret_images)
{
	struct run *run = &application->run;
	uint64_t key = hash_text(0, path);
	struct counted *counted;
	uint32_t place;

	if (started_ns < run->first_started_ns) {
		char *first = strdup(path);

		if (!first)
			return -ENOMEM;
		free(run->first);
		run->first = first;
		run->first_started_ns = started_ns;
	}
	if (table_add(&run->images, &key, &place) < 0)
		return -ENOMEM;
	counted = table_at(&run->images, place);
	if (counts)
		counted->count++;
	*ret_images = counted->count;
	return 0;
}

int run_note_root(struct application *application, struct root_name name)
{
	struct table *roots = &application->run.roots;
	uint32_t place;

	return roots->count < RUN_ROOTS_MAX ? table_add(roots, &name, &place) : 0;
}

int run_gap(struct application *application, const char *kind, const char *path, const char *detail,
	uint64_t count)
{
	struct run *run = &application->run;
	struct counted *counted;
	uint64_t key;
	uint32_t place;

	if (run->gaps.count >= RUN_GAPS_MAX)
		kind = "lost-records", path = NULL, detail = "more kinds of gaps than are kept";
	key = hash_text(hash_text(hash_text(0, kind), path ? path : ""), detail ? detail : "");
	if (table_add(&run->gaps, &key, &place) < 0)
		return -ENOMEM;
	counted = table_at(&run->gaps, place);
	if (manifest_add_gap(application->manifest, kind, path, detail, counted->count + count) ==
		-ENOMEM)
		return -ENOMEM;
	counted->count += count;
	application->dirty = true;
	return 0;
}

int runs_lost_records(struct aggregator *daemon, const char *detail, uint64_t count)
{
	struct application *application;
	int r = 0;

	LIST_FOREACH(application, &daemon->applications.list, link)
		if (application->run.open &&
			run_gap(application, "lost-records", NULL, detail, count) < 0)
			r = -ENOMEM;
	daemon->counters.no_memory += r < 0;
	return r;
}

/* --- into the manifest ------------------------------------------------------------------------ */

/* What its processes recorded while nobody listened is lost, because no spool took it. */
static int tell_unattended(struct application *application)
{
	struct run *run = &application->run;

	if (!run->unattended || run->told)
		return 0;
	run->told = true;
	return run_gap(application, "lost-records", NULL, run->unattended, 1);
}

/* It is not known whose records they are; perhaps this run's. */
static int tell_unread(struct application *application)
{
	struct run *run = &application->run;

	if (!application->daemon->spool.unread || run->told_unread)
		return 0;
	run->told_unread = true;
	return run_gap(application, "lost-records", NULL, application->daemon->spool.unread, 1);
}

static int store(struct application *application, uint64_t ended_ns)
{
	struct run *run = &application->run;
	int r = tell_unattended(application);

	if (r == 0)
		r = tell_unread(application);
	if (r < 0)
		return r;
	r = manifest_add_run(application->manifest, run->host, run->started_ns, ended_ns,
		run->processes, run->records);

	return r == -ENOMEM ? r : 0;
}

/* A mark is never taken back. While the spool is being read, and after an aggregator was killed, an
 * earlier session may turn up, so the mark waits for the end of the run. */
static bool first_is_sure(const struct aggregator *daemon)
{
	return !spool_busy(daemon) && !daemon->ledger.inherited;
}

int run_store(struct application *application)
{
	struct run *run = &application->run;

	if (!run->open)
		return 0;
	run->named = true;
	if (run->first && first_is_sure(application->daemon) &&
		run_mark_first(application, run->first) < 0)
		return -ENOMEM;
	return store(application, 0);
}

/* --- the end ---------------------------------------------------------------------------------- */

int run_close(struct application *application)
{
	struct run *run = &application->run;
	int r;

	r = run->first ? run_mark_first(application, run->first) : 0;
	if (r == 0)
		r = store(application, run->ended_ns ? run->ended_ns : clock_now_ns());
	if (r == 0)
		r = run_tell_end(application);
	if (r < 0)
		return r;
	application->dirty = true;
	reset(run);
	return 0;
}

void run_session_ended(struct application *application, uint64_t ended_ns)
{
	struct run *run = &application->run;

	run->live--;
	run->ended_ns = ended_ns > run->ended_ns ? ended_ns : run->ended_ns;
	run->quiet_since_ms = uv_now(&application->daemon->loop);
	application->dirty = true;
}
