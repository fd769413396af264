/*
 * Do the processes of a container and we have one spool?
 *
 * A volume that is read-only for them alone, or of which they have the socket only, shows itself to
 * nobody who looks from outside; and they cannot say so while nobody listens. But the descriptor of
 * their root that comes with a hello leads us to where their spool would be.
 */
#ifndef FOOTPRINT_AGGREGATOR_SPOOL_SPOOL_SHARED_H
#define FOOTPRINT_AGGREGATOR_SPOOL_SPOOL_SHARED_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/record.pb-c.h"

struct aggregator;

/* What was found out for one root. Zero-initialised: nothing yet. */
struct spool_answer {
	bool asked, shared; /* of the path with this hash */
	uint32_t hash;
	uint64_t asked_ms;
	bool told; /* it was reported that this root has another spool than ours */
};

/* False: it is certain that what this process puts into its spool never comes to us. answer: what
 * is known of this root; fd: its descriptor. Never waits, whatever file system the path leads to.
 */
bool spool_is_shared(struct aggregator *daemon, struct spool_answer *answer, int fd,
	const Footprint__Hello *hello);

#endif
