/* Running a program as the shell would, and waiting for it. */
#ifndef FOOTPRINT_TOOLS_RUN_PROGRAM_H
#define FOOTPRINT_TOOLS_RUN_PROGRAM_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "tools/run_find.h"

#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND      127
#define STATUS_SIGNAL	      128 /* and the signal's number */

struct start {
	const struct program *program;
	const char *supervisor; /* before it; NULL: none */
	char **argv;
	bool ignores_children; /* SIGCHLD is ignored in the program */
};

/* Runs it in the environment as it is, passes on the signals that we get, and waits; SIGCHLD must
 * not be ignored. The exit status that the shell would give; err->code is set where the program
 * could not be started. */
int program_run(const struct start *start, struct error *err);

#endif
