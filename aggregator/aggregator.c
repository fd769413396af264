/* The aggregator's beginning, its ticks and its end. */
#include "aggregator/aggregator.h"

#include <malloc.h>
#include <signal.h>
#include <string.h>

#include "aggregator/clock.h"
#include "aggregator/log.h"

#define BURST_FACTS 4096u
#define BURST_ROOTS 16u

/* Gives memory back to the kernel: malloc keeps most of what a burst of facts has allocated and
 * freed, and of the packages and looks of roots that are gone. */
static void give_memory_back(struct roots *roots)
{
	if (roots->n_queued || (roots->last_serial - roots->trimmed_serial < BURST_FACTS &&
				       roots->n_freed < BURST_ROOTS))
		return;
	roots->trimmed_serial = roots->last_serial;
	roots->n_freed = 0;
	malloc_trim(0);
}

void aggregator_tick(struct aggregator *daemon)
{
	intake_tick(daemon);
	sessions_tick(daemon);
	vigils_tick(daemon);
	spool_tick(daemon);
	reserve_tick(daemon);
	workers_tick(&daemon->workers, uv_now(&daemon->loop));
	snapshot_tick(daemon);
	roots_tick(daemon);
	atlas_tick(daemon);
	ledger_tick(daemon);
	applications_tick(daemon);
	give_memory_back(&daemon->roots);
}

static void on_tick(uv_timer_t *timer)
{
	aggregator_tick(timer->data);
}

static void on_report(uv_signal_t *signal, int number)
{
	struct aggregator *daemon = signal->data;

	(void)number;
	counters_print(&daemon->counters);
}

static void on_write(uv_signal_t *signal, int number)
{
	struct aggregator *daemon = signal->data;

	(void)number;
	if (!daemon->stopping)
		snapshot_start(daemon);
}

static void on_stop(uv_signal_t *signal, int number)
{
	(void)number;
	stop_begin(signal->data);
}

void aggregator_progress(struct aggregator *daemon)
{
	sessions_settle(daemon);
	if (daemon->stopping)
		stop_step(daemon);
}

static int start_signal(
	struct aggregator *daemon, uv_signal_t *signal, uv_signal_cb callback, int number)
{
	int r = uv_signal_init(&daemon->loop, signal);

	signal->data = daemon;
	return r < 0 ? r : uv_signal_start(signal, callback, number);
}

static int start_tick(struct aggregator *daemon)
{
	int r = uv_timer_init(&daemon->loop, &daemon->tick);

	daemon->tick.data = daemon;
	if (r == 0)
		r = uv_timer_start(&daemon->tick, on_tick, 0, TICK_MS);
	return r;
}

/* From here on, none of these signals kills us; one that comes before the loop runs waits for
 * it. */
static int start_signals(struct aggregator *daemon)
{
	int r = start_signal(daemon, &daemon->on_terminate, on_stop, SIGTERM);

	if (r == 0)
		r = start_signal(daemon, &daemon->on_interrupt, on_stop, SIGINT);
	if (r == 0)
		r = start_signal(daemon, &daemon->on_hangup, on_write, SIGHUP);
	if (r == 0)
		r = start_signal(daemon, &daemon->on_report, on_report, SIGUSR1);
	return r;
}

/* Reports the error of a step that does not report errors itself, and returns it. */
static int told(const char *step, int r)
{
	if (r < 0)
		log_trouble("%s: %s", step, strerror(-r));
	return r;
}

/* 0 or negative errno, reported. */
static int begin_all(struct aggregator *daemon)
{
	int r;

	daemon->spool.directory = daemon->applications.directory = -1;
	daemon->started_ms = uv_now(&daemon->loop);
	TAILQ_INIT(&daemon->spool.taken);
	journal_init(daemon);
	heard_init(daemon);
	pools_init(daemon);
	vigils_init(daemon);
	if ((r = told("threads",
		     workers_init(&daemon->workers, &daemon->loop, daemon->options.threads))) < 0 ||
		(r = told("sessions", sessions_init(daemon))) < 0 ||
		(r = applications_init(daemon)) < 0 || (r = spool_init(daemon)) < 0)
		return r;
	daemon->unkept_ns = daemon->spool.made ? daemon->listener.since_ns : 0;
	atlas_init(daemon);
	ledger_init(daemon);
	reserve_init(daemon);
	if ((r = told("the socket", intake_init(daemon))) < 0 ||
		(r = told("snapshots", snapshot_init(daemon))) < 0)
		return r;
	daemon->listening_ns = clock_now_ns();
	return told("timers", start_tick(daemon));
}

int aggregator_begin(struct aggregator *daemon)
{
	int r = told("the event loop", uv_loop_init(&daemon->loop));

	if (r < 0)
		return r;
	/* Before anybody can find us: a process that sees the socket may send a signal. */
	r = told("signals", start_signals(daemon));
	if (r == 0)
		r = listener_open(&daemon->listener, daemon->options.socket);
	if (r == 0)
		r = begin_all(daemon);
	if (r < 0)
		listener_close(&daemon->listener);
	return r;
}

int aggregator_end(struct aggregator *daemon)
{
	atlas_deinit(daemon);
	ledger_deinit(daemon);
	reserve_deinit(daemon);
	vigils_deinit(daemon);
	sessions_deinit(daemon);
	applications_deinit(daemon);
	roots_deinit(daemon);
	heard_deinit(daemon);
	journal_deinit(daemon);
	spool_deinit(daemon);
	intake_deinit(daemon);
	listener_close(&daemon->listener);
	return uv_loop_close(&daemon->loop);
}
