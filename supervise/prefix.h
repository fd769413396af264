/* As a command: footprint-supervise PROGRAM, where nothing of ours runs before. */
#ifndef FOOTPRINT_SUPERVISE_PREFIX_H
#define FOOTPRINT_SUPERVISE_PREFIX_H

/* Executes the program in the file `name` (NULL: argv[0], which is looked for in PATH); returns
 * only if that fails, the status to exit with. */
int prefix(const char *name, char *const *argv);

#endif
