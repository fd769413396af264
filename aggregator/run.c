#include "aggregator/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/aggregator.h"
#include "aggregator/clock.h"
#include "lib/base/cleanup.h"
#include "lib/base/hash.h"

/* Counts by the hash of what is counted: 64 bits under a key that peers do not know. */
struct counted {
	uint64_t key;
	uint64_t count;
};

/* The secret of this process that lib/base/hash.h keeps, as 64 bits. */
static uint64_t secret(void)
{
	return (uint64_t)hash_bytes("a", 1) << 32 | hash_bytes("b", 1);
}

/* Texts one after another: the hash of the first is the seed of the second. */
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
	*run = (struct run){
		.images = TABLE_OF(struct counted, key),
		.gaps = TABLE_OF(struct counted, key),
	};
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

/* The run of the manifest on disk that a session belongs to which started then: one without an end
 * (an aggregator before us watched it), or one during which it started. */
static const Footprint__Run *find_run(
	const Footprint__Manifest *view, const char *host, uint64_t started_ns)
{
	const Footprint__Run *found = NULL;

	for (size_t i = 0; i < view->n_runs; i++) {
		const Footprint__Run *run = view->runs[i];

		if (!strcmp(run->host, host) &&
			(!run->ended_ns ||
				(run->started_ns <= started_ns && started_ns <= run->ended_ns)))
			found = run;
	}
	return found;
}

static int seed_images(struct run *run, const Footprint__Manifest *view)
{
	for (size_t i = 0; i < view->n_executables; i++) {
		const Footprint__Executable *executable = view->executables[i];
		autofree char *path =
			strndup((const char *)executable->path.data, executable->path.len);
		uint64_t key;
		uint32_t place;

		if (!path)
			return -ENOMEM;
		key = hash_text(0, path);
		if (table_add(&run->images, &key, &place) < 0)
			return -ENOMEM;
		((struct counted *)table_at(&run->images, place))->count = executable->runs;
	}
	return 0;
}

/* Goes on with it. Without memory it is a run of its own: said twice, not lost. */
static bool continue_run(struct application *application, const char *host, uint64_t started_ns)
{
	struct run *run = &application->run;
	const Footprint__Manifest *view;
	const Footprint__Run *before;

	if (manifest_view(application->manifest, &view) < 0)
		return false;
	before = find_run(view, host, started_ns);
	if (!before || seed_images(run, view) < 0)
		return false;
	run->continued = run->named = true;
	run->started_ns = before->started_ns;
	run->ended_ns = before->ended_ns;
	run->processes = before->processes;
	run->records = before->records;
	/* It began with the session that it is named after, or one that is known already. */
	run->first_started_ns = before->started_ns + 1;
	run->unattended = !before->ended_ns && application->daemon->ledger.read_only;
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

void run_resume(
	struct application *application, const char *host, uint64_t started_ns, uint64_t lived_ns)
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

/* --- into the manifest ------------------------------------------------------------------------ */

/* What its processes could not say while nobody listened, and no spool took it, is lost. */
static int tell_unattended(struct application *application)
{
	if (!application->run.unattended)
		return 0;
	application->run.unattended = false;
	return run_gap(application, "lost-records", NULL,
		"the spool was read-only while no aggregator listened", 1);
}

static int store(struct application *application, uint64_t ended_ns)
{
	struct run *run = &application->run;
	int r = tell_unattended(application);

	if (r < 0)
		return r;
	r = manifest_add_run(application->manifest, run->host, run->started_ns, ended_ns,
		run->processes, run->records);

	return r == -ENOMEM ? r : 0;
}

static int mark_first(struct application *application, const char *path)
{
	int r = manifest_add_executable(
		application->manifest, path, NULL, FOOTPRINT__WATCHED__WATCHED_NONE, 0, true);

	return r == -ENOMEM ? r : 0;
}

/* While the spool is read, and after an aggregator that was killed, an earlier session may turn up;
 * a mark is never taken back. Then it is set at the end of the run. */
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
		mark_first(application, run->first) < 0)
		return -ENOMEM;
	return store(application, 0);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Which executables did another one start? NULL: no memory. The caller frees. */
static bool *find_started(const Footprint__Manifest *view)
{
	bool *started = calloc(view->n_executables + 1, sizeof(*started));

	for (size_t i = 0; started && i < view->n_executables; i++)
		for (size_t j = 0; j < view->executables[i]->n_executes; j++)
			if (view->executables[i]->executes[j] != i)
				started[view->executables[i]->executes[j]] = true;
	return started;
}

/* Does a gap say already why this program was not watched? */
static bool explained(const Footprint__Manifest *view, const Footprint__Executable *executable)
{
	static const char *const kinds[] = { "static-program", "setuid-program",
		"foreign-program" };

	for (size_t i = 0; i < view->n_gaps; i++) {
		const Footprint__Gap *gap = view->gaps[i];

		if (gap->path.len != executable->path.len ||
			memcmp(gap->path.data, executable->path.data, gap->path.len) != 0)
			continue;
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			if (!strcmp(gap->kind, kinds[k]))
				return true;
	}
	return false;
}

/* A script is watched through its interpreter, which it "executes". */
static bool never_watched(const Footprint__Executable *executable)
{
	return executable->watched == FOOTPRINT__WATCHED__WATCHED_NONE && !executable->n_executes;
}

/* The facts to add come from the view, which adding destroys: they are collected first. */
struct ending {
	char **silent; /* executed, but no image of it ever said hello */
	size_t n_silent;
	char **roots; /* watched, and nobody started them */
	size_t n_roots;
};

static void ending_deinit(struct ending *ending)
{
	for (size_t i = 0; i < ending->n_silent; i++)
		free(ending->silent[i]);
	for (size_t i = 0; i < ending->n_roots; i++)
		free(ending->roots[i]);
	free(ending->silent);
	free(ending->roots);
}

static int append_path(char ***list, size_t *n, const ProtobufCBinaryData *path)
{
	char **grown = reallocarray(*list, *n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*list = grown;
	grown[*n] = strndup((const char *)path->data, path->len);
	if (!grown[*n])
		return -ENOMEM;
	(*n)++;
	return 0;
}

static int collect(const Footprint__Manifest *view, struct ending *ending)
{
	autofree bool *started = find_started(view);
	int r = started ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < view->n_executables; i++) {
		const Footprint__Executable *executable = view->executables[i];

		if (started[i] && never_watched(executable) && !explained(view, executable))
			r = append_path(&ending->silent, &ending->n_silent, &executable->path);
		else if (!started[i] && executable->watched != FOOTPRINT__WATCHED__WATCHED_NONE)
			r = append_path(&ending->roots, &ending->n_roots, &executable->path);
	}
	return r;
}

static int add_ending(struct application *application, const struct ending *ending)
{
	for (size_t i = 0; i < ending->n_silent; i++)
		if (manifest_add_gap(application->manifest, "no-hello", ending->silent[i],
			    "executed, but never heard of", 1) == -ENOMEM)
			return -ENOMEM;
	for (size_t i = 0; i < ending->n_roots; i++)
		if (mark_first(application, ending->roots[i]) < 0)
			return -ENOMEM;
	return 0;
}

int run_close(struct application *application)
{
	__attribute__((cleanup(ending_deinit))) struct ending ending = { 0 };
	struct run *run = &application->run;
	const Footprint__Manifest *view;
	int r;

	r = run->first ? mark_first(application, run->first) : 0;
	if (r == 0)
		r = store(application, run->ended_ns ? run->ended_ns : clock_now_ns());
	if (r == 0)
		r = manifest_view(application->manifest, &view);
	if (r == 0)
		r = collect(view, &ending);
	if (r == 0)
		r = add_ending(application, &ending);
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
