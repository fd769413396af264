/* From a slot's bytes to facts in the queue of the session's root. */
#ifndef FOOTPRINT_AGGREGATOR_SESSIONS_INGEST_H
#define FOOTPRINT_AGGREGATOR_SESSIONS_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/record/record.h"

struct session;

/* count: the record counts (it was not counted by an aggregator before us). 0; -E2BIG with err:
 * past a limit; -ENOMEM: nothing has happened. A record that is not understood becomes a gap. */
int ingest_slot(struct session *session, const uint8_t *payload, size_t size, bool count,
	struct error *err);

/* A record becomes a fact, or names a directory. 0; -ENOENT: relative to a directory that is not
 * known yet; -ENAMETOOLONG; -ENOMEM. */
int ingest_record(struct session *session, const Footprint__Record *record);

/* The image itself is the first fact of its session. 0 or -ENOMEM. */
int ingest_hello(struct session *session, const Footprint__Hello *hello);

#endif
