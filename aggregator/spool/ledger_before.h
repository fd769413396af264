/* The ledger of an aggregator before us, as it is read at the start. */
#ifndef FOOTPRINT_AGGREGATOR_SPOOL_LEDGER_BEFORE_H
#define FOOTPRINT_AGGREGATOR_SPOOL_LEDGER_BEFORE_H

#include "aggregator/spool/ledger_rows.h"

/* A session of which something was counted before us. */
struct known_session {
	uint8_t id[SESSION_ID_SIZE];
	uint64_t processes;
	uint32_t first_range, n_ranges;
	uint32_t imaged;
	uint32_t returned; /* it has come back: its struct session knows more */
};

struct known_range {
	uint32_t segment;
	uint64_t begin, end;
};

/* Where an application's manifest stands: identity of the file. */
struct file_identity ledger_identify(struct aggregator *daemon, const char *file);
/* Reads ledger.fd into ledger.known, and opens the runs that went on. 0 or negative errno. */
int ledger_read_before(struct aggregator *daemon);

#endif
