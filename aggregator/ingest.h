/* From a slot's bytes to facts in the queue of the session's root. */
#ifndef FOOTPRINT_AGGREGATOR_INGEST_H
#define FOOTPRINT_AGGREGATOR_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/record/record.h"

struct session;

/* Records that wait for a directory to be named, in one session. */
#define DEFERRED_MAX 4096u

/* count: the record counts (it was not counted by an aggregator before us). 0; -E2BIG with err:
 * past a limit; -ENOMEM: nothing has happened. A record that is not understood becomes a gap. */
int ingest_slot(struct session *session, const uint8_t *payload, size_t size, bool count,
	struct error *err);

/* The image itself is the first fact of its session. 0 or -ENOMEM. */
int ingest_hello(struct session *session, const Footprint__Hello *hello);

/* The session is over: what still waits for a directory is a gap. 0 or -ENOMEM. */
int ingest_settle(struct session *session);
void ingest_forget(struct session *session);

#endif
