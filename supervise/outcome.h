/*
 * Predicts what the kernel will answer. A call is announced before it is made, and its result is
 * not; but a fact needs its outcome (doc/facts.md). So the names are looked up as the kernel is
 * about to: from the caller's directory, below its root, and with its rights (rights.h).
 *
 * Between the look and the call, another process may change the file. Then the fact is as of the
 * look.
 */
#ifndef FOOTPRINT_SUPERVISE_OUTCOME_H
#define FOOTPRINT_SUPERVISE_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/record/calls_table.h"

/* From where we look up a name of the caller. */
struct spot {
	int fd;		  /* a directory, or AT_FDCWD with an absolute path */
	const char *path; /* NULL: the call has no such name */
	bool below;	  /* fd is the caller's root: links must not lead above it */
	uint64_t resolve; /* with `below`: the RESOLVE_* that openat2 gets instead; 0:
			     RESOLVE_IN_ROOT */
};

/* The errno that the call will return; 0: it will succeed, as far as its names decide. ENOSYS: this
 * kernel has no way to look. arguments: with pointers into our memory; flags: O_* of an open. */
int outcome_predict(const struct call *call, long number, const long arguments[6], int flags,
	const struct spot *from, const struct spot *to);

#endif
