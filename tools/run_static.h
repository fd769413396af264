/* Static programs, which cannot load the library: footprint-supervise executes them. */
#ifndef FOOTPRINT_TOOLS_RUN_STATIC_H
#define FOOTPRINT_TOOLS_RUN_STATIC_H

#include "tools/run_find.h"

/* The path of the supervisor beside the library, if the program is static, or is a script whose
 * interpreter may be. NULL: the program needs none, or there is none, and the manifest will have a
 * gap. The caller frees. */
char *static_supervisor(const char *library, const struct program *program);

/* Executes the program by the supervisor. Returns only if that fails, with errno set. If it is the
 * supervisor that cannot execute the program, it writes an errno, as an int, to the descriptor
 * `report`. */
void static_execute(const char *supervisor, const struct program *program, char **argv, int report);

#endif
