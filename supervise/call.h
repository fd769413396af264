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

/* A copy of what a call is about, so that reading and recording are apart: in between the caller
 * asks the kernel whether the announcement still stands. */
struct called;

/* Copies names and addresses from the caller. NULL: nothing to record; *ret_error: a negative errno
 * where the caller's memory may not be read. The result lasts until the next call. */
struct called *call_read(const struct announced *announced, int *ret_error);

/* The copy of its first path, NULL: it has none. */
const char *call_path(const struct called *called);

/* Foretells the outcome, unless it is known, and records. */
void call_record(struct called *called);

#endif
