#include "aggregator/stop.h"

#include <stdlib.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"

#define STEP_MS	       10
#define GRACE_MS       500 /* --one-run: for processes that are just ending */
#define WRITE_ATTEMPTS 3
#define DRAIN_MS       3000 /* then those who still come are left to our successor */

/* Everybody who still speaks has spoken: what it was, and that there may be more. */
static void cut_off_living(struct aggregator *daemon)
{
	struct session *session;

	TAILQ_FOREACH(session, &daemon->sessions.live, link)
		if (session_gap(session, "still-running", NULL, "lived on when the run had ended") <
			0)
			daemon->counters.no_memory++;
	intake_close(daemon);
	roots_pump(daemon);
}

static uint64_t spent_ms(const struct aggregator *daemon)
{
	return uv_now(&daemon->loop) - daemon->stop.begun_ms;
}

/* What has been said up to now is ours, in whichever way it was said. */
static void drain(struct aggregator *daemon)
{
	daemon->stop.unheard = false;
	if (spent_ms(daemon) < DRAIN_MS) {
		daemon->stop.unheard = intake_drain(daemon);
		spool_tick(daemon);
		reserve_tick(daemon);
	} else {
		intake_pause(daemon);
	}
	sessions_tick(daemon);
}

static bool waiting(struct aggregator *daemon)
{
	/* Who holds a lock for longer than it takes to write an entry cannot keep us. */
	if (spool_locked(daemon) && spent_ms(daemon) < DRAIN_MS)
		return true;
	if (vigils_stop(daemon) && spent_ms(daemon) < DRAIN_MS)
		return true;
	return daemon->stop.unheard || spool_busy(daemon) || roots_busy(daemon) ||
	       sessions_busy(daemon) || daemon->snapshot.running;
}

static void close_handles(struct aggregator *daemon)
{
	uv_handle_t *handles[] = {
		(uv_handle_t *)&daemon->tick,
		(uv_handle_t *)&daemon->on_terminate,
		(uv_handle_t *)&daemon->on_interrupt,
		(uv_handle_t *)&daemon->on_report,
	};

	for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++)
		if (!uv_is_closing(handles[i]))
			uv_close(handles[i], NULL);
	intake_close(daemon);
	spool_close(daemon);
	snapshot_close(daemon);
	workers_close(&daemon->workers);
}

static bool anything_dirty(const struct aggregator *daemon)
{
	const struct application *application;

	LIST_FOREACH(application, &daemon->applications.list, link)
		if (application->dirty)
			return true;
	return false;
}

/* True: all is on disk, or will not be. */
static bool write_all(struct aggregator *daemon)
{
	struct stop *stop = &daemon->stop;

	if (stop->writes && !daemon->snapshot.failed)
		return true;
	if (stop->writes == WRITE_ATTEMPTS) {
		daemon->status = EXIT_FAILURE;
		return true;
	}
	applications_tick(daemon);
	stop->writes++;
	snapshot_start(daemon);
	return !daemon->snapshot.running && !anything_dirty(daemon);
}

void stop_step(struct aggregator *daemon)
{
	struct stop *stop = &daemon->stop;

	if (stop->done)
		return;
	if (!stop->sealed)
		drain(daemon);
	sessions_settle(daemon);
	if (waiting(daemon))
		return;
	if (!stop->sealed && daemon->options.one_run && !TAILQ_EMPTY(&daemon->sessions.live)) {
		if (spent_ms(daemon) < GRACE_MS)
			return;
		cut_off_living(daemon);
		stop->sealed = true;
		return;
	}
	stop->sealed = true;
	if (owners_find(daemon) || !write_all(daemon))
		return;
	stop->done = true;
	stop->leaves = !TAILQ_EMPTY(&daemon->sessions.live) || daemon->spool.n_taken ||
		       daemon->journal.fd >= 0;
	close_handles(daemon);
}

bool stop_left_nothing(const struct aggregator *daemon)
{
	return daemon->stop.done && !daemon->stop.leaves;
}

static void on_step(uv_timer_t *timer)
{
	struct aggregator *daemon = timer->data;

	workers_tick(&daemon->workers, uv_now(&daemon->loop));
	stop_step(daemon);
}

void stop_begin(struct aggregator *daemon)
{
	if (daemon->stopping)
		return;
	log_note("stopping");
	daemon->stopping = true;
	daemon->stop.begun_ms = uv_now(&daemon->loop);
	spool_tick(daemon);
	roots_pump(daemon); /* what has waited for somebody who will not come */
	uv_timer_start(&daemon->tick, on_step, 0, STEP_MS);
}
