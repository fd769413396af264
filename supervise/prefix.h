/* The command `footprint-supervise PROGRAM`, which starts a program that nothing of ours has
 * started. */
#ifndef FOOTPRINT_SUPERVISE_PREFIX_H
#define FOOTPRINT_SUPERVISE_PREFIX_H

/* Executes the program in the file `name` (NULL: argv[0], which is searched for in PATH). Returns
 * only if that fails, with the exit status. The errno is written as an int to the descriptor
 * `report`; -1: it is printed on standard error instead. */
int prefix(const char *name, char *const *argv, int report);

#endif
