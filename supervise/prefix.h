/* As a command: footprint-supervise PROGRAM, where nothing of ours runs before. */
#ifndef FOOTPRINT_SUPERVISE_PREFIX_H
#define FOOTPRINT_SUPERVISE_PREFIX_H

/* Executes the program; returns only if that fails, the status to exit with. */
int prefix(char *const *argv);

#endif
