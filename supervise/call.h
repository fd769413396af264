/* An announced call becomes a fact of the image that images_enter() entered. */
#ifndef FOOTPRINT_SUPERVISE_CALL_H
#define FOOTPRINT_SUPERVISE_CALL_H

#include <stdbool.h>
#include <stdint.h>

struct announced {
	int pid;
	long number;
	uint64_t arguments[6];
	bool made; /* already: this was its result */
	long result;
};

/* Copies names and addresses from the caller. Reading and recording are apart: in between the
 * kernel is asked whether the announcement still stands. False: there is nothing to record;
 * *ret_error: a negative errno where the caller's memory may not be read. *announced is looked at
 * again. */
bool call_read(const struct announced *announced, int *ret_error);

/* Of the call that was read last: the copy of its first path, NULL: it has none. */
const char *call_path(void);

/* The same: foretells the outcome, unless it is known, and records. */
void call_record(void);

#endif
