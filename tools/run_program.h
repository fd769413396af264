/* Running a program as the shell would, and waiting for it. */
#ifndef FOOTPRINT_TOOLS_RUN_PROGRAM_H
#define FOOTPRINT_TOOLS_RUN_PROGRAM_H

#include <stdbool.h>

#include "lib/base/error.h"

#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND      127
#define STATUS_SIGNAL	      128 /* and the signal's number */

/* Runs argv in the environment as it is, passes on the signals that we get, and waits; SIGCHLD must
 * not be ignored, but is in the program if it `ignores_children`. The exit status that the shell
 * would give; err->code is set where the program could not be started. */
int program_run(char **argv, bool ignores_children, struct error *err);

#endif
