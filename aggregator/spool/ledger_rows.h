/*
 * The rows of the ledger's file, and how they are made. They have fixed sizes, and are written and
 * read on the same machine. The kinds are the version of the file: a row of another kind ends it.
 */
#ifndef FOOTPRINT_AGGREGATOR_SPOOL_LEDGER_ROWS_H
#define FOOTPRINT_AGGREGATOR_SPOOL_LEDGER_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/manifests/application.h"
#include "proto/session_memory.h"

/* Whoever changes a row below changes this, too: then an earlier ledger is not misread. */
enum row_kind {
	ROW_SESSION = 0x4c445331, /* replaces any earlier row of the session */
	ROW_RANGE,		  /* of the session above it */
	ROW_MARK,		  /* of the sessions above it, up to the mark before */
};

/* A file as it is now; inode 0: there is none. A rename keeps all of this. */
struct file_identity {
	uint64_t device, inode, size;
	int64_t modified_s, modified_ns;
};
/* Identifies no file: a mark with it always counts. */
#define NO_FILE_AT_ALL ((struct file_identity){ .inode = UINT64_MAX })

struct row_session {
	uint32_t kind;
	uint32_t imaged; /* counted as an image of its executable */
	uint64_t processes;
	uint8_t id[SESSION_ID_SIZE];
};

struct row_range {
	uint32_t kind;
	uint32_t segment;
	uint64_t begin, end; /* of its log: the slots that begin there have been counted */
};

enum run_open { RUN_NOT_OPEN, RUN_OPEN, RUN_OPEN_UNKEPT /* see run_cannot_keep() */ };

struct row_mark {
	uint32_t kind;
	uint32_t open;	     /* a run goes on: enum run_open */
	uint64_t started_ns; /* of the run */
	uint64_t lived_ns;   /* its processes are known to have lived until then */
	struct file_identity replaces;
	char name[sizeof(((struct application *)NULL)->name)]; /* empty: of no application */
	char version[sizeof(((struct application *)NULL)->version)];
	char host[FP_NAME_SIZE_MAX + 1];
};

_Static_assert(sizeof(struct row_session) == 32 && sizeof(struct row_range) == 24 &&
		       sizeof(struct row_mark) == 544,
	"these are the sizes of the present kinds: with others, change the kinds");

union row {
	uint32_t kind;
	struct row_session session;
	struct row_range range;
	struct row_mark mark;
};

/* Bytes of a row of this kind; 0: there is no such kind. */
static inline size_t row_size(uint32_t kind)
{
	switch (kind) {
	case ROW_SESSION:
		return sizeof(struct row_session);
	case ROW_RANGE:
		return sizeof(struct row_range);
	case ROW_MARK:
		return sizeof(struct row_mark);
	default:
		return 0;
	}
}

struct ledger;
struct ledger_rows;

/* Adds what is counted of the application's sessions; all: also of those of which nothing is new. 0
 * or -ENOMEM. */
int ledger_rows_add_sessions(
	struct ledger_rows *rows, const struct application *application, bool all);
/* Adds the mark behind them. 0 or -ENOMEM. */
int ledger_rows_add_mark(struct ledger_rows *rows, const struct application *application,
	const struct file_identity *replaces);
/* Adds sessions from before us that have not come back, if they still may, with a mark of no
 * application. 0 or -ENOMEM. */
int ledger_rows_add_absent(struct ledger_rows *rows, const struct ledger *ledger);

#endif
