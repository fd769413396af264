/*
 * With whose rights an outcome is predicted. The supervisor has the rights with which its first
 * program began. A program below it that gives up root (a daemon, or what gosu starts) is refused
 * what we would be granted.
 */
#ifndef FOOTPRINT_SUPERVISE_RIGHTS_H
#define FOOTPRINT_SUPERVISE_RIGHTS_H

#include <stdbool.h>

/* May a call with this number change the rights of its caller? */
bool rights_change(long number);

/* Does the process have other rights to files than we have? */
bool rights_differ(int pid);

/* A caller is about to change its rights, or to execute a program. */
void rights_forget(void);

/* Until rights_return(), files are looked at with the rights of this process, as far as we may take
 * them. */
void rights_take(int pid);
void rights_return(void);

/* Whose rights to files we have now. */
unsigned rights_user(void);
unsigned rights_group(void);

#endif
