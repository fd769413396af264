/* As a command: footprint-supervise PROGRAM, where nothing of ours runs before. */
#ifndef FOOTPRINT_SUPERVISE_PREFIX_H
#define FOOTPRINT_SUPERVISE_PREFIX_H

/* Executes the program in the file `name` (NULL: argv[0], which is looked for in PATH); returns
 * only if that fails, the status to exit with. The errno is written to the descriptor `report`, an
 * int; -1: it is said on standard error. */
int prefix(const char *name, char *const *argv, int report);

#endif
