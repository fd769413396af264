/* Makes facts of a slot's bytes, and puts them into the queue of the session's root. */
#ifndef FOOTPRINT_AGGREGATOR_SESSIONS_INGEST_H
#define FOOTPRINT_AGGREGATOR_SESSIONS_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/record/record.h"

struct session;

/* Takes a slot. count: the record is to be counted (an earlier aggregator has not). 0; -E2BIG with
 * err: it exceeds a limit; -ENOMEM: nothing has happened. A record that is not understood becomes a
 * gap. */
int ingest_slot(struct session *session, const uint8_t *payload, size_t size, bool count,
	struct error *err);

/* Makes a fact of a record, or learns the name of a directory from it. Completes its path, if it
 * has a prefix. 0; -ENOENT: it is relative to a directory that is not known yet; -ENAMETOOLONG;
 * -ENOMEM. */
int ingest_record(struct session *session, Footprint__Record *record);

/* The id `id` is from now on "/" in this root; what has waited for it is taken up. 0 or -ENOMEM. */
struct entered;
int ingest_entered(struct session *session, uint64_t id, struct entered *entered);

/* Makes the first fact of the session: the image itself. 0 or -ENOMEM. */
int ingest_hello(struct session *session, const Footprint__Hello *hello);

#endif
