/*
 * Where supervisors are started. A process without a parent becomes init's child, and in a
 * container, init may be the application, which may never wait for it. So one such process serves
 * all, and the guardians are its children. The first program that needs a supervisor starts it.
 * Later ones find it by an abstract socket for their user, namespaces, root directory and settings.
 *
 * It ends when it has been idle for a second. But if init leaves zombies, it stays, so that there
 * is not one more of them each time.
 */
#ifndef FOOTPRINT_SUPERVISE_NURSERY_H
#define FOOTPRINT_SUPERVISE_NURSERY_H

/* Supervises the process that speaks on `first`, and all that ask later. Returns the exit
 * status. */
int nursery(int first);

#endif
