#include "aggregator/stop.h"

#include <stdlib.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "aggregator/manifests/run_end.h"

#define STEP_MS		 10
#define GRACE_MS	 500 /* --one-run: for processes that are just ending, or just beginning */
#define WRITE_ATTEMPTS	 3
#define DRAIN_MS	 3000 /* then those who still come keep their records themselves */
#define CELL_PATIENCE_MS 500  /* for an image that has a cell, to fill it */
#define LEAVING_SPOOL_MS 200  /* between two looks at the spool once we are leaving */
/* Nothing came of waiting for so long, while no worker was at work, or while one was: it is given
 * up. */
#define IDLE_PATIENCE_MS 5000
#define WORK_PATIENCE_MS 120000
#define ASK_PATIENCE_MS	 2000

#define GIVEN_UP "when footprintd ended there was no memory for some records"

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

/* Is there an image that has been executed, and has not said hello? Between the two, nobody of it
 * is connected. */
static bool awaits_program(struct aggregator *daemon)
{
	struct stop *stop = &daemon->stop;
	struct application *application;

	if (stop->awaited_at == stop->so_far)
		return stop->awaits;
	stop->awaited_at = stop->so_far;
	stop->awaits = false;
	LIST_FOREACH(application, &daemon->applications.list, link)
		if (run_awaits_program(application))
			stop->awaits = true;
	return stop->awaits;
}

static uint64_t spent_ms(const struct aggregator *daemon)
{
	return uv_now(&daemon->loop) - daemon->stop.begun_ms;
}

/* Listens no longer to those who come, or never stop talking. What they have said by then is still
 * read, unless nobody comes after us. */
static void be_late(struct aggregator *daemon)
{
	if (daemon->options.one_run)
		intake_pause(daemon);
	else
		intake_refuse(daemon);
	spool_release_sessions(daemon);
}

/* Who lives puts all that it records into the spool once we are leaving, and that is a successor's:
 * reading it at every step, we would never come to an end. */
static void drain_spool(struct aggregator *daemon)
{
	struct stop *stop = &daemon->stop;
	uint64_t now = uv_now(&daemon->loop);

	if (stop->leaving_ms && now - stop->spool_ms < LEAVING_SPOOL_MS)
		return;
	stop->spool_ms = now;
	spool_tick(daemon);
	reserve_tick(daemon);
}

/* What has been said up to now is ours, in whichever way it was said. */
static void drain(struct aggregator *daemon)
{
	bool late = spent_ms(daemon) >= DRAIN_MS;

	if (late)
		be_late(daemon);
	else
		drain_spool(daemon);
	daemon->stop.unheard = (!late || daemon->intake.refuses) && intake_drain(daemon);
	sessions_tick(daemon);
}

/* Changes whenever something was done. What fails, and is tried again, is nothing done. */
static uint64_t done_so_far(const struct aggregator *daemon)
{
	const struct counters *counters = &daemon->counters;

	return daemon->roots.last_serial + (daemon->roots.last_serial - daemon->roots.n_queued) +
	       counters->spool_entries + counters->spool_damaged;
}

/* Has nothing come of waiting for too long? As a rule there is no memory then. */
static bool hopeless(struct aggregator *daemon)
{
	struct stop *stop = &daemon->stop;
	uint64_t now = uv_now(&daemon->loop), so_far = done_so_far(daemon);

	if (so_far != stop->so_far || daemon->snapshot.running)
		stop->moved_ms = now;
	stop->so_far = so_far;
	if (workers_busy(&daemon->workers))
		stop->worked_ms = now;
	return now - stop->moved_ms >= WORK_PATIENCE_MS ||
	       (now - stop->moved_ms >= IDLE_PATIENCE_MS &&
		       now - stop->worked_ms >= IDLE_PATIENCE_MS);
}

/* What waits is in the memories of processes, in the spool or in the journal, for a successor. The
 * manifests say that there is something. */
static void give_up(struct aggregator *daemon)
{
	log_trouble("%s: a successor reads them from the spool and from programs that live on",
		GIVEN_UP);
	daemon->stop.given_up = true;
	daemon->status = EXIT_FAILURE;
	runs_lost_records(daemon, GIVEN_UP, 1);
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
		(uv_handle_t *)&daemon->on_hangup,
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

/* A thread waits for the file system of the manifests, and for nobody else: what it uses cannot be
 * freed. Whatever is not written yet is left to a successor, as if we had been killed. */
static void leave_at_once(const struct aggregator *daemon)
{
	log_trouble("%s: does not answer: ends with manifests that were not written",
		daemon->options.manifests);
	_exit(EXIT_FAILURE);
}

/* True: all is on disk, or will not be. */
static bool write_all(struct aggregator *daemon)
{
	struct stop *stop = &daemon->stop;

	if (stop->writes && !daemon->snapshot.failed && !applications_ending(daemon))
		return true;
	if (stop->writes == WRITE_ATTEMPTS) {
		daemon->status = EXIT_FAILURE;
		return true;
	}
	applications_tick(daemon);
	stop->writes++;
	snapshot_start(daemon);
	return !daemon->snapshot.running && !applications_dirty(daemon);
}

/* There was no memory to find out whose packages files are, and no later snapshot could. */
static bool ask_again(struct aggregator *daemon)
{
	struct stop *stop = &daemon->stop;
	uint64_t now = uv_now(&daemon->loop);

	if (!stop->asked_ms)
		stop->asked_ms = now;
	return now - stop->asked_ms < ASK_PATIENCE_MS && owners_try_again(daemon);
}

/* Whoever has something to say from now on keeps it himself. True: what some have said by then, or
 * what they record before they see it, is still to be read. */
static bool take_leave(struct aggregator *daemon)
{
	struct stop *stop = &daemon->stop;
	bool any = sessions_leave(daemon);

	if (!stop->leaving_ms)
		stop->leaving_ms = uv_now(&daemon->loop);
	any |= intake_refuse(daemon);
	/* An image that does not come was killed in that instant. */
	any |= pools_leave(daemon) && uv_now(&daemon->loop) - stop->leaving_ms < CELL_PATIENCE_MS;
	return any;
}

/* Nothing more is read. With --one-run, nothing more comes, either: whoever comes later has no
 * successor to tell. False: there is something to wait for first. */
static bool seal(struct aggregator *daemon)
{
	bool alone = TAILQ_EMPTY(&daemon->sessions.live);

	if (!daemon->options.one_run && take_leave(daemon))
		return false;
	if (daemon->options.one_run) {
		if (spent_ms(daemon) < GRACE_MS && (!alone || awaits_program(daemon)))
			return false;
		cut_off_living(daemon);
	}
	daemon->stop.sealed = true;
	return !daemon->options.one_run || alone;
}

void stop_step(struct aggregator *daemon)
{
	struct stop *stop = &daemon->stop;

	if (stop->done)
		return;
	if (daemon->snapshot.late && spent_ms(daemon) >= IDLE_PATIENCE_MS)
		leave_at_once(daemon);
	if (!stop->sealed && !stop->given_up)
		drain(daemon);
	sessions_settle(daemon);
	if (!stop->given_up && hopeless(daemon) && waiting(daemon))
		give_up(daemon);
	if (stop->given_up ? daemon->snapshot.running : waiting(daemon))
		return;
	if (!stop->sealed && !seal(daemon))
		return;
	/* Writing may have come here by itself. */
	if (owners_find(daemon) || ask_again(daemon) || !write_all(daemon) || stop->done)
		return;
	stop->done = true;
	stop->leaves = sessions_may_return(daemon) || daemon->spool.n_taken ||
		       daemon->journal.fd >= 0 || stop->given_up;
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
	snapshot_tick(daemon);
	roots_pump(daemon); /* what failed for want of memory */
	stop_step(daemon);
}

void stop_begin(struct aggregator *daemon)
{
	if (daemon->stopping)
		return;
	log_note("stopping");
	daemon->stopping = true;
	daemon->stop.begun_ms = daemon->stop.moved_ms = daemon->stop.worked_ms =
		uv_now(&daemon->loop);
	/* Who waits for `footprint run` waits for all of it; a service manager for ten seconds. */
	if (!daemon->options.one_run)
		daemon->workers.patience = WORKERS_PATIENCE_STOPPING;
	spool_tick(daemon);
	roots_pump(daemon); /* what has waited for somebody who will not come */
	uv_timer_start(&daemon->tick, on_step, 0, STEP_MS);
}
