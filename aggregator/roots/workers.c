#include "aggregator/roots/workers.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* --- on a worker's thread --------------------------------------------------------------------- */

static bool is_surplus(const struct workers *workers)
{
	return workers->ending || workers->n > workers->wanted;
}

/* Waits for the next job. NULL: this thread is not needed any more. */
static struct job *next_job(struct workers *workers)
{
	struct job *job;

	workers->n_idle++;
	while (!is_surplus(workers) && !workers->n_waiting)
		pthread_cond_wait(&workers->more, &workers->lock);
	workers->n_idle--;
	if (is_surplus(workers))
		return NULL;
	job = STAILQ_FIRST(&workers->waiting);
	STAILQ_REMOVE_HEAD(&workers->waiting, link);
	workers->n_waiting--;
	return job;
}

static void finish(struct worker *worker)
{
	struct workers *workers = worker->workers;
	struct job *job = worker->job;

	worker->job = NULL;
	if (worker->late) {
		workers->n_late--;
		workers->n++;
	}
	worker->late = false;
	if (workers->ending)
		return; /* there is nobody to tell */
	STAILQ_INSERT_TAIL(&workers->finished, job, link);
	uv_async_send(&workers->back);
}

static void *live(void *data)
{
	struct worker *worker = data;
	struct workers *workers = worker->workers;

	pthread_mutex_lock(&workers->lock);
	while ((worker->job = next_job(workers))) {
		worker->ticks = 0;
		worker->used_ns = 0;
		pthread_mutex_unlock(&workers->lock);
		worker->job->work(worker->job);
		pthread_mutex_lock(&workers->lock);
		finish(worker);
	}
	workers->n--;
	LIST_REMOVE(worker, link);
	LIST_INSERT_HEAD(&workers->ended, worker, link);
	pthread_cond_broadcast(&workers->more); /* workers_close() may wait for the last one */
	pthread_mutex_unlock(&workers->lock);
	return NULL;
}

/* --- on the loop's ---------------------------------------------------------------------------- */

/* Joins threads that have ended. They do not need the lock any more, so this does not wait. It also
 * frees what libcrypto keeps for each thread, which must not happen while the process ends and
 * libcrypto cleans up. */
static void join_ended(struct workers *workers)
{
	struct worker *worker;

	while ((worker = LIST_FIRST(&workers->ended))) {
		LIST_REMOVE(worker, link);
		pthread_join(worker->thread, NULL);
		free(worker);
	}
}

/* Starts a thread with all signals blocked: they are for the loop. */
static int start_thread(struct worker *worker)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&worker->thread, NULL, live, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

static int add_worker(struct workers *workers)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int r;

	if (!worker)
		return -ENOMEM;
	worker->workers = workers;
	LIST_INSERT_HEAD(&workers->list, worker, link);
	workers->n++;
	r = start_thread(worker);
	if (r < 0) {
		workers->n--;
		LIST_REMOVE(worker, link);
		free(worker);
	}
	return r;
}

static void on_back(uv_async_t *back)
{
	struct workers *workers = back->data;
	struct job *job;

	for (;;) {
		pthread_mutex_lock(&workers->lock);
		job = STAILQ_FIRST(&workers->finished);
		if (job)
			STAILQ_REMOVE_HEAD(&workers->finished, link);
		pthread_mutex_unlock(&workers->lock);
		if (!job)
			return;
		job->done(job);
	}
}

int workers_init(struct workers *workers, uv_loop_t *loop, unsigned wanted)
{
	*workers = (struct workers){ .wanted = wanted, .patience = WORKERS_PATIENCE };
	STAILQ_INIT(&workers->waiting);
	STAILQ_INIT(&workers->finished);
	LIST_INIT(&workers->list);
	LIST_INIT(&workers->ended);
	pthread_mutex_init(&workers->lock, NULL);
	pthread_cond_init(&workers->more, NULL);
	workers->back.data = workers;
	return uv_async_init(loop, &workers->back, on_back);
}

/* Starts as many threads as there is work for, up to the limit. 0 or a negative errno. */
static int fill_up(struct workers *workers)
{
	int r = 0;

	while (r == 0 && workers->n < workers->wanted && workers->n_waiting > workers->n_idle &&
		workers->n_late < WORKERS_LATE_MAX)
		r = add_worker(workers);
	return r;
}

int workers_do(struct workers *workers, struct job *job)
{
	int r;

	job->told = false;
	job->ticks = 0;
	pthread_mutex_lock(&workers->lock);
	STAILQ_INSERT_TAIL(&workers->waiting, job, link);
	workers->n_waiting++;
	r = fill_up(workers);
	if (r < 0 && !workers->n) {
		STAILQ_REMOVE(&workers->waiting, job, job, link);
		workers->n_waiting--;
	}
	pthread_cond_signal(&workers->more);
	r = workers->n ? 0 : r;
	pthread_mutex_unlock(&workers->lock);
	return r;
}

bool workers_busy(struct workers *workers)
{
	struct worker *worker;
	bool busy;

	pthread_mutex_lock(&workers->lock);
	busy = workers->n_waiting || !STAILQ_EMPTY(&workers->finished);
	LIST_FOREACH(worker, &workers->list, link)
		busy |= worker->job && !worker->late;
	pthread_mutex_unlock(&workers->lock);
	return busy;
}

/* --- who is late ------------------------------------------------------------------------------ */

static uint64_t used_ns(pthread_t thread)
{
	struct timespec used = { 0 };
	clockid_t clock;

	if (pthread_getcpuclockid(thread, &clock) == 0)
		clock_gettime(clock, &used);
	return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

static void count_ticks(struct workers *workers)
{
	struct worker *worker;
	struct job *job;

	LIST_FOREACH(worker, &workers->list, link) {
		uint64_t used;

		if (!worker->job || worker->late)
			continue;
		used = used_ns(worker->thread);
		worker->ticks = used == worker->used_ns ? worker->ticks + 1 : 0;
		worker->used_ns = used;
		if (worker->ticks < workers->patience)
			continue;
		worker->late = true;
		workers->n--;
		workers->n_late++;
	}
	/* If all possible threads are late, the jobs that wait for one may wait for ever, too. */
	if (!workers->n)
		STAILQ_FOREACH(job, &workers->waiting, link)
			job->ticks++;
}

/* A late job whose owner was not told yet. NULL: there is none. */
static struct job *find_late(struct workers *workers)
{
	struct worker *worker;
	struct job *job;

	LIST_FOREACH(worker, &workers->list, link)
		if (worker->late && !worker->job->told)
			return worker->job;
	STAILQ_FOREACH(job, &workers->waiting, link)
		if (job->ticks >= workers->patience && !job->told)
			return job;
	return NULL;
}

void workers_tick(struct workers *workers, uint64_t now_ms)
{
	struct job *job;

	if (now_ms - workers->ticked_ms < WORKERS_TICK_MS)
		return;
	workers->ticked_ms = now_ms;
	pthread_mutex_lock(&workers->lock);
	join_ended(workers);
	count_ticks(workers);
	fill_up(workers);
	while ((job = find_late(workers))) {
		job->told = true;
		/* If the job finishes at this moment, its done() still comes after this: both are
		 * the loop's. */
		pthread_mutex_unlock(&workers->lock);
		job->late(job);
		pthread_mutex_lock(&workers->lock);
	}
	pthread_mutex_unlock(&workers->lock);
}

void workers_close(struct workers *workers)
{
	if (uv_is_closing((uv_handle_t *)&workers->back))
		return;
	pthread_mutex_lock(&workers->lock);
	workers->ending = true;
	pthread_cond_broadcast(&workers->more);
	while (workers->n)
		pthread_cond_wait(&workers->more, &workers->lock);
	join_ended(workers);
	pthread_mutex_unlock(&workers->lock);
	uv_close((uv_handle_t *)&workers->back, NULL);
}
