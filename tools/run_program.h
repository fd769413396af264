/* Runs a program as the shell would, and waits for it. */
#ifndef FOOTPRINT_TOOLS_RUN_PROGRAM_H
#define FOOTPRINT_TOOLS_RUN_PROGRAM_H

#include "lib/base/error.h"
#include "tools/run_find.h"
#include "tools/run_signals.h"

#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND      127
#define STATUS_SIGNAL	      128 /* and the signal's number */

struct start {
	const struct program *program;
	const char *supervisor; /* before it; NULL: none */
	char **argv;
	const struct held_signals *signals;
};

/* Runs it with the present environment, passes on the signals that we get, and waits. Returns the
 * exit status that the shell would have. err->code is set if the program could not be started. */
int program_run(const struct start *start, struct error *err);

#endif
