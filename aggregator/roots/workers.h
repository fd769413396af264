/*
 * Workers: threads for jobs that look at watched file systems, and that may never come back.
 *
 * The server of a file system (NFS, FUSE) may be dead. A thread that needs an answer from it then
 * waits in the kernel, and nothing else ends that. A job whose thread has used no processor time
 * for so many ticks (`patience`) is late: the thread is replaced by another one, so that other jobs
 * go on, and the job's owner is told. If the job comes back after all, it is done as usual.
 *
 * Slow is not late: a disk that delivers a little every few seconds uses processor time for it, and
 * a daemon that is stopped or starved does not tick.
 */
#ifndef FOOTPRINT_AGGREGATOR_ROOTS_WORKERS_H
#define FOOTPRINT_AGGREGATOR_ROOTS_WORKERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#define WORKERS_PATIENCE	  10u /* ticks of WORKERS_TICK_MS */
#define WORKERS_PATIENCE_STOPPING 5u
#define WORKERS_TICK_MS		  1000u
#define WORKERS_LATE_MAX	  64u /* so many late threads are replaced, and no further ones */

struct job {
	/* On a thread. */
	void (*work)(struct job *job);
	/* On the loop's thread, afterwards; the job is its owner's again. */
	void (*done)(struct job *job);
	/* On the loop's thread, at most once: the job may never be done. */
	void (*late)(struct job *job);
	STAILQ_ENTRY(job) link;
	unsigned ticks; /* how long it has waited while no thread could do it */
	bool told;	/* late() was called */
};

struct worker {
	LIST_ENTRY(worker) link;
	struct workers *workers;
	pthread_t thread;
	struct job *job; /* NULL: none */
	uint64_t used_ns;
	unsigned ticks; /* without processor time */
	bool late;
};

struct workers {
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t more;
	STAILQ_HEAD(, job) waiting, finished;
	LIST_HEAD(, worker) list, ended; /* `ended`: to be joined */
	unsigned wanted;
	unsigned patience; /* only the loop's */
	unsigned n;	   /* threads; those whose job is late apart */
	unsigned n_idle;   /* of them */
	unsigned n_late;
	unsigned n_waiting; /* jobs */
	bool ending;
	uv_async_t back; /* something is finished */
	uint64_t ticked_ms;
};

/* 0 or negative errno. Threads start when there is something for them to do. */
int workers_init(struct workers *workers, uv_loop_t *loop, unsigned wanted);
/* Has a job done, whose `work`, `done` and `late` are set. 0 or a negative errno: there is no
 * thread. */
int workers_do(struct workers *workers, struct job *job);
/* Is there a job that will come to an end? */
bool workers_busy(struct workers *workers);
/* Looks which jobs are late. To be called at least every WORKERS_TICK_MS. */
void workers_tick(struct workers *workers, uint64_t now_ms);
/* Ends all threads, except late ones: these, and all that their jobs use, stay until the process
 * ends. No `done` is called afterwards. To be called before the loop is closed. */
void workers_close(struct workers *workers);

#endif
