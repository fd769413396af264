/*
 * The end of the daemon: everything that is there is read, resolved, applied and written first.
 *
 * Processes that still live go on recording in their memories, and say hello to a successor. With
 * --one-run there is none, and each of them is a gap.
 */
#ifndef FOOTPRINT_AGGREGATOR_STOP_H
#define FOOTPRINT_AGGREGATOR_STOP_H

#include <stdbool.h>
#include <stdint.h>

struct aggregator;

/* Zero-initialised: it has not begun. */
struct stop {
	uint64_t begun_ms;
	uint64_t so_far, moved_ms; /* how much was done, and when it last became more */
	uint64_t worked_ms;	   /* when a worker was last at work */
	uint64_t spool_ms;	   /* when the spool was last looked at */
	uint64_t leaving_ms;	   /* when processes were first told that we end */
	uint64_t asked_ms;	   /* when all else was there but the packages of files */
	uint64_t awaited_at;	   /* of so_far: when `awaits` was found out */
	bool awaits;		   /* an executed program has not said hello */
	bool sealed;		   /* nothing more is read */
	bool unheard;		   /* peers had more to say when last listened to */
	bool done;
	bool given_up;	 /* nobody waits any more for what there is no memory for */
	bool leaves;	 /* leaves something to a successor: living processes, or spool files */
	unsigned writes; /* attempts to write the manifests */
};

void stop_begin(struct aggregator *daemon);
/* Goes on as far as possible. To be called again whenever something was done. */
void stop_step(struct aggregator *daemon);
/* Has it come to its end, with nothing left for a successor? */
bool stop_left_nothing(const struct aggregator *daemon);

#endif
