/* Programs that the library cannot enter: they run behind footprint-supervise. */
#ifndef FOOTPRINT_TOOLS_RUN_STATIC_H
#define FOOTPRINT_TOOLS_RUN_STATIC_H

#include "tools/run_find.h"

/* The arguments to execute argv by: argv itself, or with the supervisor (beside the library) before
 * them where the program is static, or a script whose interpreter may be. NULL: no memory. The
 * caller frees what is not argv, with static_arguments_free(). */
char **static_arguments(const char *library, const struct program *program, char **argv);
void static_arguments_free(char **arguments, char **argv);

#endif
