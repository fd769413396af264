/*
 * Whose rights an outcome is foretold with. The supervisor has those that its first program began
 * with; who gives up root below it (a daemon, gosu) is refused what we would be given.
 */
#ifndef FOOTPRINT_SUPERVISE_RIGHTS_H
#define FOOTPRINT_SUPERVISE_RIGHTS_H

#include <stdbool.h>

/* Is this a call that may change them? */
bool rights_change(long number);

/* Has the process other rights to files than we? */
bool rights_differ(int pid);

/* Somebody is about to change his rights, or to execute something. */
void rights_forget(void);

/* From now on files are looked at with its rights, as far as we may take them, until they are given
 * back. */
void rights_take(int pid);
void rights_return(void);

#endif
