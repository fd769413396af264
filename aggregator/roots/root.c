#include "aggregator/roots/root.h"

#include <stdlib.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "aggregator/manifests/fact.h"
#include "aggregator/roots/batch.h"
#include "aggregator/sessions/session.h"
#include "lib/base/cleanup.h"

#define ROOT_IDLE_MS   60000 /* a root that nobody uses is freed after that */
#define ROOTS_IDLE_MAX 64u
#define LOOKS_KEPT_MAX 32768u  /* in one root, in units of their paths */
#define PATHS_KEPT_MAX 131072u /* likewise, besides twice those that are in use */
#define LOOK_FRESH_MS  2000    /* how old a look may be: files change while applications run */
/* Facts of an unknown root wait this long for somebody to hand over a descriptor of it. A process
 * that lives on looks for its aggregator once a second. */
#define UNKNOWN_PATIENCE_MS 5000
/* Facts wait so long for memory to look at their paths. */
#define SHORT_PATIENCE_MS	   10000
#define SHORT_PATIENCE_STOPPING_MS 2000

/* Gaps. */
#define NO_ANSWER  "its file system did not answer: paths are as the program gave them"
#define TOO_LITTLE "no memory to look at its files: paths are as the program gave them"

/* --- facts ------------------------------------------------------------------------------------ */

static bool fresh(const struct fact *fact, const struct path *path)
{
	const struct look *look;

	if (!path)
		return true;
	look = path->look;
	if (!look || look->depth < fact_depth(fact, path))
		return false;
	/* If we did not find it, but the process did, the look is too old. */
	if (look->error && !fact->error && fact->session->root->known)
		return look->made_ms >= fact->created_ms;
	return look->made_ms + LOOK_FRESH_MS >= fact->created_ms;
}

static bool ready(const struct fact *fact)
{
	return fresh(fact, fact->path) && fresh(fact, fact->other);
}

void shortage_note(struct shortage *shortage, uint64_t now_ms)
{
	if (!shortage->since_ms)
		shortage->since_ms = now_ms;
	shortage->tried_ms = now_ms;
}

/* Has it lasted for too long? Each fact has one more try. */
static bool hopeless(
	const struct aggregator *daemon, const struct shortage *shortage, const struct fact *fact)
{
	uint64_t patience = daemon->stopping ? SHORT_PATIENCE_STOPPING_MS : SHORT_PATIENCE_MS;

	return shortage->since_ms && shortage->tried_ms >= fact->created_ms &&
	       uv_now(&daemon->loop) - shortage->since_ms >= patience;
}

/* Why nobody waits for a look at this path any more, in the words of a gap. NULL: it is worth
 * waiting for. */
static const char *why_guess(
	const struct root *root, const struct fact *fact, const struct path *path)
{
	if (root->late)
		return NO_ANSWER;
	if (hopeless(root->daemon, &root->shortage, fact) ||
		hopeless(root->daemon, &path->shortage, fact))
		return TOO_LITTLE;
	return NULL;
}

static void report_shortage(struct roots *roots)
{
	if (!roots->short_told)
		log_trouble("no memory to look at files: some paths are as their programs gave "
			    "them");
	roots->short_told = true;
}

/* Takes the path as text, unless a look knows enough of it. */
static int take_letters(
	struct root *root, const struct fact *fact, struct path *path, const char *why)
{
	struct look *look;
	int r;

	if (path->look && path->look->depth >= fact_depth(fact, path))
		return 0;
	r = look_at_letters(path->raw, fact_depth(fact, path), why, &look);
	if (r < 0)
		return r;
	look->made_ms = uv_now(&root->daemon->loop);
	if (!path->look)
		root->n_looks += path_units(path);
	look_unref(path->look);
	path->look = look;
	return 0;
}

/* False: it is worth waiting, or there is no memory even for the text. */
static bool guess_path(struct root *root, struct fact *fact, struct path *path)
{
	const char *why;

	if (fresh(fact, path))
		return true;
	why = why_guess(root, fact, path);
	if (!why || take_letters(root, fact, path, why) < 0)
		return false;
	if (!root->late)
		report_shortage(&root->daemon->roots);
	fact->guess = why;
	return true;
}

static bool guess(struct root *root, struct fact *fact)
{
	return guess_path(root, fact, fact->path) && guess_path(root, fact, fact->other);
}

/* Applies facts from the head of the queue as long as these are ready. False: something went
 * wrong. */
static bool apply_ready(struct root *root)
{
	struct fact *fact;

	while (!root->daemon->roots.frozen && (fact = STAILQ_FIRST(&root->facts)) &&
		(ready(fact) || guess(root, fact))) {
		if (fact_apply(fact) < 0) {
			root->daemon->counters.no_memory++;
			return false; /* the tick tries it again */
		}
		STAILQ_REMOVE_HEAD(&root->facts, link);
		root->daemon->roots.n_queued -= fact_units(fact);
		fact_free(fact);
	}
	return true;
}

static void add_stale(
	struct root *root, struct batch *batch, const struct fact *fact, struct path *path)
{
	if (path && !fresh(fact, path))
		batch_add(batch, root, path, fact_depth(fact, path));
}

static void finished(struct batch *batch)
{
	struct root *root = batch->root;
	bool complete;

	if (root->late)
		log_note("a watched root answers again");
	root->batch = NULL;
	root->late = false;
	complete = batch_take(batch);
	root_take_handed(root);
	owners_go_on(root);
	/* If there was no memory, the tick tries again. */
	if (complete)
		root_pump(root);
	aggregator_progress(root->daemon);
}

/* One of the applications that wait for it. NULL: none does. */
static const struct application *waits(const struct root *root)
{
	const struct fact *fact = STAILQ_FIRST(&root->facts);

	return fact ? fact->session->application : NULL;
}

/* The batch keeps its thread and the root's tools, but nobody waits for it any more. */
static void late(struct batch *batch)
{
	struct root *root = batch->root;
	const struct application *application = waits(root);

	log_trouble("the root of %s@%s does not answer: paths in it are as its programs gave them",
		application ? application->name : "a container",
		application ? application->version : "?");
	root->late = true;
	owners_go_on(root);
	root_pump(root);
	aggregator_progress(root->daemon);
}

static void start_batch(struct root *root)
{
	struct batch *batch = batch_new(root);
	struct fact *fact;

	if (!batch) {
		root->daemon->counters.no_memory++;
		shortage_note(&root->shortage, uv_now(&root->daemon->loop));
		return;
	}
	STAILQ_FOREACH(fact, &root->facts, link) {
		if (batch_full(batch))
			break;
		add_stale(root, batch, fact, fact->path);
		add_stale(root, batch, fact, fact->other);
	}
	root->batch = batch;
	if (batch_start(batch, finished, late) < 0) {
		root->batch = NULL;
		batch_free(batch);
		shortage_note(&root->shortage, uv_now(&root->daemon->loop));
		return;
	}
	root->shortage = (struct shortage){ 0 };
}

/* Is it worth waiting for a descriptor of this root? Not while stopping, nor while many facts
 * wait. */
static bool may_become_known(const struct root *root)
{
	const struct fact *oldest = STAILQ_FIRST(&root->facts);
	const struct aggregator *daemon = root->daemon;

	return !root->known && oldest && !daemon->stopping &&
	       daemon->roots.n_queued < FACTS_QUEUED_MAX / 2 &&
	       uv_now(&daemon->loop) - oldest->created_ms < UNKNOWN_PATIENCE_MS;
}

void root_pump(struct root *root)
{
	/* Applying a fact may push others. The outermost call applies these, too. */
	if (root->pumping || may_become_known(root))
		return;
	root->pumping = true;
	if (apply_ready(root) && !root->batch && !owners_need_tools(root) &&
		!root->daemon->roots.frozen && !STAILQ_EMPTY(&root->facts))
		start_batch(root);
	if (root->n_looks > LOOKS_KEPT_MAX || root->n_paths > 2 * root->n_kept + PATHS_KEPT_MAX)
		root_forget_looks(root);
	root->pumping = false;
}

void root_push(struct root *root, struct fact *fact)
{
	struct roots *roots = &root->daemon->roots;

	root->facts_queued++;
	fact->serial = ++roots->last_serial;
	fact->created_ms = uv_now(&root->daemon->loop);
	if (fact->kind == FACT_PATH && fact->access & ACCESS_CHANGES)
		fact->path->changed = true;
	STAILQ_INSERT_TAIL(&root->facts, fact, link);
	roots->n_queued += fact_units(fact);
}

void roots_pump(struct aggregator *daemon)
{
	struct root *root;

	LIST_FOREACH(root, &daemon->roots.list, link)
		root_pump(root);
}

bool roots_applied(const struct aggregator *daemon, uint64_t serial)
{
	struct root *root;

	LIST_FOREACH(root, &daemon->roots.list, link) {
		const struct fact *oldest = STAILQ_FIRST(&root->facts);

		if (oldest && oldest->serial <= serial)
			return false;
	}
	return true;
}

bool roots_busy(const struct aggregator *daemon)
{
	struct root *root;

	LIST_FOREACH(root, &daemon->roots.list, link)
		if ((root->batch && !root->late) || !STAILQ_EMPTY(&root->facts) ||
			owners_busy(root))
			return true;
	return false;
}

/* --- life ------------------------------------------------------------------------------------- */

static void root_free(struct root *root)
{
	root_free_paths(root);
	entered_deinit(root);
	owners_deinit(root);
	look_tools_deinit(&root->tools);
	cleanup_close(&root->handed);
	root_release_mounts(root);
	LIST_REMOVE(root, link);
	root->daemon->roots.count--;
	root->daemon->roots.n_freed++;
	free(root);
}

void root_unref(struct root *root)
{
	if (root && --root->references == 0)
		root->idle_since_ms = uv_now(&root->daemon->loop);
}

void roots_tick(struct aggregator *daemon)
{
	struct root *root = LIST_FIRST(&daemon->roots.list);
	unsigned idle = 0;

	roots_release_mounts(daemon);
	while (root) {
		struct root *next = LIST_NEXT(root, link);

		entered_tick(root);

		if (!root->references && !root->batch && !root->owners.pass &&
			(++idle > ROOTS_IDLE_MAX ||
				uv_now(&daemon->loop) - root->idle_since_ms > ROOT_IDLE_MS) &&
			!owners_have_questions(root))
			root_free(root);
		else
			root_pump(root);
		root = next;
	}
}

void roots_deinit(struct aggregator *daemon)
{
	struct root *root, *next;

	for (root = LIST_FIRST(&daemon->roots.list); root; root = next) {
		next = LIST_NEXT(root, link);
		if (!root->batch &&
			!root->owners.pass) /* else a thread uses it until the process ends */
			root_free(root);
	}
}
