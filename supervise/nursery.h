/*
 * Where supervisors are born. Nobody's child is init's child, and in a container init is the
 * application, which may never wait for it: so there is one such process for all, and the guardians
 * are its children. The first program that needs a supervisor starts it; those that follow find it
 * by an abstract socket of their user, namespaces, root directory and settings.
 *
 * It ends when it has been idle for a second, unless the process that adopted it leaves zombies
 * about: then it stays, rather than to become one each time.
 */
#ifndef FOOTPRINT_SUPERVISE_NURSERY_H
#define FOOTPRINT_SUPERVISE_NURSERY_H

/* Supervises who speaks on `first`, and all that ask later. Returns the status to exit with. */
int nursery(int first);

#endif
