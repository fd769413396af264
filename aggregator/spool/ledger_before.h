/* The ledger of an earlier aggregator, as it is read at the start. */
#ifndef FOOTPRINT_AGGREGATOR_SPOOL_LEDGER_BEFORE_H
#define FOOTPRINT_AGGREGATOR_SPOOL_LEDGER_BEFORE_H

#include "aggregator/spool/ledger_rows.h"

/* A session of which an earlier aggregator has counted something. */
struct known_session {
	uint8_t id[SESSION_ID_SIZE];
	uint64_t processes;
	uint32_t first_range, n_ranges;
	uint32_t imaged;
	uint32_t returned; /* it has come back, and its struct session knows more */
};

struct known_range {
	uint32_t segment;
	uint64_t begin, end;
};

/* What was counted of the session before us. NULL: nothing. */
struct known_session *ledger_known(const struct session *session);
/* Identifies the manifest file of this name. */
struct file_identity ledger_identify(struct aggregator *daemon, const char *file);
/* Reads ledger.fd into ledger.known, and opens the runs that went on. 0 or negative errno. */
int ledger_read_before(struct aggregator *daemon);

#endif
