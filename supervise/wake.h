/*
 * What ends the worker's wait. It waits in the kernel's own call for announcements, since to poll
 * before each would cost as much as reading does; so that the guardian's death, or the end of all
 * that were watched, comes to it as a signal.
 */
#ifndef FOOTPRINT_SUPERVISE_WAKE_H
#define FOOTPRINT_SUPERVISE_WAKE_H

#include <signal.h>
#include <stdbool.h>

#define WAKE_SIGNAL SIGUSR1

/* The signal interrupts waits from now on; it comes when our parent dies, or by kill(). */
void wake_arm(void);

/* The signal is blocked, and comes no more when our parent dies. */
void wake_disarm(void);

/* Has it come since the last time? */
bool wake_came(void);

#endif
