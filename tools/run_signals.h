/*
 * The signals that others send to `footprint run`. Before the program runs they end us, but not
 * while there is something to remove: so they wait, from before there is until the program gets
 * them. What comes after its end comes too late to interrupt anything.
 */
#ifndef FOOTPRINT_TOOLS_RUN_SIGNALS_H
#define FOOTPRINT_TOOLS_RUN_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

struct held_signals {
	sigset_t inherited;    /* the mask as it was */
	bool ignores_children; /* so did SIGCHLD's handling: then nobody could be waited for */
	bool interrupted;
};

void signals_hold(struct held_signals *ret);
/* In the process that becomes the program: as they were. */
void signals_release(const struct held_signals *held);

/* Did one come that would have ended us? The answer stays in held->interrupted. */
bool signals_interrupted(struct held_signals *held);
/* Waits until `fd` can be read, or one of these has come. */
void signals_wait_readable(const struct held_signals *held, int fd);
/* Ends as the one that came would have ended us. */
void signals_end(const struct held_signals *held);

/* The next one that the program is meant to get, or SIGCHLD; false: none came. */
bool signals_next(siginfo_t *ret);

#endif
