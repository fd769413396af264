#include "aggregator/manifests/snapshot.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "aggregator/manifests/writing.h"

/* A large manifest takes long to write. At most this part of our time (1/10) goes into writing. */
#define SNAPSHOT_SHARE	 10
#define RETRY_MS	 5000
#define CALM_MS		 2000 /* programs that say nothing for so long have started */
#define CALM_PATIENCE_MS 5000
/* Ticks. A disk may take its time for one sync. */
#define WRITER_PATIENCE 30u

static void on_timer(uv_timer_t *timer);
static void work(struct job *job);
static void done(struct job *job);
static void late(struct job *job);

static void schedule(struct aggregator *daemon, uint64_t delay_ms)
{
	struct snapshot *snapshot = &daemon->snapshot;

	if (!uv_is_closing((uv_handle_t *)&snapshot->timer))
		uv_timer_start(&snapshot->timer, on_timer, delay_ms, 0);
}

static uint64_t interval_ms(const struct aggregator *daemon)
{
	return (uint64_t)(daemon->options.interval * 1000);
}

int snapshot_init(struct aggregator *daemon)
{
	struct snapshot *snapshot = &daemon->snapshot;
	int r = uv_timer_init(&daemon->loop, &snapshot->timer);

	if (r == 0)
		r = workers_init(&snapshot->writer, &daemon->loop, 1);
	if (r < 0)
		return r;
	snapshot->writer.patience = WRITER_PATIENCE;
	snapshot->job = (struct job){ .work = work, .done = done, .late = late };
	snapshot->daemon = daemon;
	snapshot->timer.data = daemon;
	schedule(daemon, interval_ms(daemon));
	return 0;
}

/* --- on a thread of its own ------------------------------------------------------------------- */

static struct snapshot *snapshot_of(struct job *job)
{
	return (struct snapshot *)((char *)job - offsetof(struct snapshot, job));
}

static void work(struct job *job)
{
	struct snapshot *snapshot = snapshot_of(job);

	manifests_write(
		snapshot->items, snapshot->n_items, snapshot->daemon->applications.directory);
	snapshot->moved = applications_moved(snapshot->daemon);
}

/* --- afterwards ------------------------------------------------------------------------------- */

/* The first one is reported. Where it is because of the disk, thousands would say the same. */
static void report(
	struct snapshot *snapshot, struct application *application, const struct error *err)
{
	if (!application->reported && !snapshot->n_troubled++)
		log_trouble("%s: cannot be written: %s", application->file, err->text);
	application->reported = true;
}

static void report_others(struct snapshot *snapshot)
{
	if (snapshot->n_troubled > 1)
		log_trouble("nor can %zu others be written", snapshot->n_troubled - 1);
	snapshot->n_troubled = 0;
}

/* Takes the result of one manifest. True: it is on disk. */
static bool take_result(struct aggregator *daemon, const struct snapshot_item *item)
{
	struct application *application = item->application;
	bool written = item->result == 0;

	if (written) {
		application->reported = false;
		daemon->counters.snapshots++;
		sessions_acknowledge(application);
	} else {
		application->dirty = true;
		daemon->counters.snapshot_failures++;
		report(&daemon->snapshot, application, &item->error);
		if (item->result == -EFBIG && application_go_back(application) < 0)
			daemon->counters.no_memory++; /* the next snapshot tries again */
	}
	application_unref(application);
	return written;
}

/* Removes spool files whose content is in manifests on disk. */
static void let_go(struct aggregator *daemon, bool written)
{
	spool_covered(daemon, written && atlas_keep_all(daemon) == 0);
	reserve_covered(daemon, written);
	pools_covered(daemon, written);
}

static void late(struct job *job)
{
	struct snapshot *snapshot = snapshot_of(job);

	log_trouble("%s: does not answer: no manifest can be written",
		snapshot->daemon->options.manifests);
	snapshot->late = true;
}

static void done(struct job *job)
{
	struct snapshot *snapshot = snapshot_of(job);
	struct aggregator *daemon = snapshot->daemon;
	uint64_t spent, delay;

	if (snapshot->late)
		log_trouble("%s: answers again", daemon->options.manifests);
	snapshot->running = snapshot->late = daemon->roots.frozen = false;
	for (size_t i = 0; i < snapshot->n_items; i++)
		if (!take_result(daemon, &snapshot->items[i]))
			snapshot->failed = true;
	report_others(snapshot);
	free(snapshot->items);
	snapshot->items = NULL;
	snapshot->n_items = 0;
	if (snapshot->failed)
		applications_follow(daemon);
	applications_report_moved(daemon, snapshot->moved);
	ledger_settle(daemon, !snapshot->failed);
	let_go(daemon, !snapshot->failed);
	owners_forgive(daemon);

	uv_update_time(&daemon->loop);
	spent = uv_now(&daemon->loop) - snapshot->began_ms;
	delay = snapshot->failed ? RETRY_MS : interval_ms(daemon);
	schedule(daemon, delay > spent * SNAPSHOT_SHARE ? delay : spent * SNAPSHOT_SHARE);
	roots_pump(daemon);
	aggregator_progress(daemon);
}

/* --- beginning -------------------------------------------------------------------------------- */

static int collect(struct aggregator *daemon, size_t n)
{
	struct snapshot *snapshot = &daemon->snapshot;
	struct application *application;

	snapshot->items = calloc(n, sizeof(*snapshot->items));
	if (!snapshot->items)
		return -ENOMEM;
	ledger_begin(daemon);
	snapshot->failed = false;
	LIST_FOREACH(application, &daemon->applications.list, link) {
		if (!application->dirty)
			continue;
		/* Its manifest waits for memory, and so do the spool files of which it may have to
		 * hold something. */
		if (run_store(application) < 0 || ledger_add(daemon, application) < 0) {
			daemon->counters.no_memory++;
			snapshot->failed = true;
			continue;
		}
		application->references++;
		application->dirty = false; /* later facts belong to the next snapshot */
		snapshot->items[snapshot->n_items++].application = application;
	}
	ledger_end(daemon);
	return 0;
}

/* The snapshot cannot be made: everything stays as it was. */
static void give_back(struct aggregator *daemon)
{
	struct snapshot *snapshot = &daemon->snapshot;

	for (size_t i = 0; i < snapshot->n_items; i++) {
		snapshot->items[i].application->dirty = true;
		application_unref(snapshot->items[i].application);
	}
	free(snapshot->items);
	snapshot->items = NULL;
	snapshot->n_items = 0;
	snapshot->failed = true;
	ledger_settle(daemon, false);
	let_go(daemon, false);
}

/* If an application has nothing new to write, everything that was applied to it is on disk
 * already. */
static void acknowledge_clean(struct aggregator *daemon)
{
	struct application *application;

	LIST_FOREACH(application, &daemon->applications.list, link)
		if (!application->dirty)
			sessions_acknowledge(application);
}

void snapshot_start(struct aggregator *daemon)
{
	struct snapshot *snapshot = &daemon->snapshot;
	size_t n;

	/* owners_find() calls this function again. */
	if (snapshot->running || owners_find(daemon))
		return;
	n = applications_dirty(daemon);
	sessions_cover(daemon);
	acknowledge_clean(daemon);
	pools_cover(daemon);
	journal_turn(daemon);
	spool_cover(daemon);
	reserve_cover(daemon);
	if (!n) {
		let_go(daemon, true);
		schedule(daemon, interval_ms(daemon));
		return;
	}
	if (collect(daemon, n) < 0) {
		daemon->counters.no_memory++;
		give_back(daemon);
		schedule(daemon, RETRY_MS);
		return;
	}
	snapshot->running = daemon->roots.frozen = true;
	snapshot->began_ms = uv_now(&daemon->loop);
	if (workers_do(&snapshot->writer, &snapshot->job) == 0)
		return;
	/* There can be no thread: everybody has to wait. */
	work(&snapshot->job);
	done(&snapshot->job);
}

void snapshot_tick(struct aggregator *daemon)
{
	workers_tick(&daemon->snapshot.writer, uv_now(&daemon->loop));
}

/* Does it go on waiting for programs that are starting? All manifests wait with those of one new
 * container. */
static bool waits(struct aggregator *daemon)
{
	struct snapshot *snapshot = &daemon->snapshot;
	uint64_t now = uv_now(&daemon->loop);

	if (!snapshot->due_ms)
		snapshot->due_ms = now;
	return owners_should_wait(daemon) && now - snapshot->due_ms < CALM_PATIENCE_MS;
}

static void on_timer(uv_timer_t *timer)
{
	struct aggregator *daemon = timer->data;

	if (waits(daemon)) {
		schedule(daemon, interval_ms(daemon) < CALM_MS ? interval_ms(daemon) : CALM_MS);
		return;
	}
	daemon->snapshot.due_ms = 0;
	snapshot_start(daemon);
}

void snapshot_close(struct aggregator *daemon)
{
	if (!daemon->snapshot.daemon || uv_is_closing((uv_handle_t *)&daemon->snapshot.timer))
		return;
	uv_close((uv_handle_t *)&daemon->snapshot.timer, NULL);
	workers_close(&daemon->snapshot.writer);
}
