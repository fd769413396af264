/* As a command: footprint-supervise PROGRAM, where nothing of ours runs before. */
#ifndef FOOTPRINT_SUPERVISE_PREFIX_H
#define FOOTPRINT_SUPERVISE_PREFIX_H

/* Executes the program; returns only if that fails, the status to exit with. */
int prefix(char *const *argv);

/* In main.c: supervises the process that sends a greeting on the socket. asker: which it must be,
 * 0: any. The status to exit with. */
int supervise_on(int socket, int asker);

/* Closes all descriptors but this one: nobody must wait for the end of a pipe because of us. */
void close_all_but(int fd);

#endif
