/* Programs that the library cannot enter: they run behind footprint-supervise. */
#ifndef FOOTPRINT_TOOLS_RUN_STATIC_H
#define FOOTPRINT_TOOLS_RUN_STATIC_H

#include "tools/run_find.h"

/* The supervisor beside the library, where the program is static, or a script whose interpreter may
 * be. NULL: it needs none; or none is there, and the manifest will have a gap. The caller frees. */
char *static_supervisor(const char *library, const struct program *program);

/* Executes the program behind it; returns only if that fails, with errno set. Where it is the
 * supervisor that fails to, it writes an errno, an int, to the descriptor `report`. */
void static_execute(const char *supervisor, const struct program *program, char **argv, int report);

#endif
