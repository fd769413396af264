/*
 * Ends the worker's wait. The worker waits in the kernel's own call for announcements, because a
 * poll before each would cost as much as reading one does. So it learns by a signal that the
 * guardian has died, or that no process is left to watch.
 */
#ifndef FOOTPRINT_SUPERVISE_WAKE_H
#define FOOTPRINT_SUPERVISE_WAKE_H

#include <signal.h>
#include <stdbool.h>

#define WAKE_SIGNAL SIGUSR1

/* From now on the signal interrupts waits. It comes when our parent dies, or by kill(). */
void wake_arm(void);

/* Blocks the signal, which does not come any more when our parent dies. */
void wake_disarm(void);

/* Has it come since the last time? */
bool wake_came(void);

#endif
