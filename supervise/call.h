/* Makes a fact of an announced call, for the image that images_enter() has entered. */
#ifndef FOOTPRINT_SUPERVISE_CALL_H
#define FOOTPRINT_SUPERVISE_CALL_H

#include <stdbool.h>
#include <stdint.h>

struct announced {
	int pid;
	long number;
	uint64_t arguments[6];
	bool made; /* it was made already, and `result` is its result */
	long result;
};

/* Copies names and addresses from the caller. Recording is a step of its own, because in between
 * the kernel is asked whether the announcement is still valid. False: there is nothing to record;
 * *ret_error: a negative errno if the caller's memory may not be read. call_record() looks at
 * *announced again. */
bool call_read(const struct announced *announced, int *ret_error);

/* The copy of the first path of the call that was read last. NULL: it has none. */
const char *call_path(void);

/* Records the call that was read last; predicts its outcome, unless that is known. 0, or a negative
 * errno: the caller's directories may not be looked at, and nothing was recorded. */
int call_record(void);

#endif
