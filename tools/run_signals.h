/*
 * The signals that are sent to `footprint run`. Before the program runs, they end us, but not while
 * there is something to remove. So they are blocked from before that until the program gets them.
 * Signals that come after the program's end come too late to interrupt anything, until the manifest
 * is written into a pipe: that may take for ever.
 */
#ifndef FOOTPRINT_TOOLS_RUN_SIGNALS_H
#define FOOTPRINT_TOOLS_RUN_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

struct held_signals {
	sigset_t inherited;    /* the mask as it was */
	bool ignores_children; /* SIGCHLD was ignored, with which no child could be waited for */
	bool interrupted;
};

void signals_hold(struct held_signals *ret);
/* Restores everything, in the process that becomes the program. */
void signals_release(const struct held_signals *held);

/* Has a signal come that would have ended us? The answer stays in held->interrupted. */
bool signals_interrupted(struct held_signals *held);
/* Waits until `fd` can be read, or one of these signals has come. */
void signals_wait_readable(const struct held_signals *held, int fd);
/* Ends this process by the signal that has come. */
void signals_end(const struct held_signals *held);

/* Forgets the signals that have come since the program's end. */
void signals_forget(const struct held_signals *held);
/* From now on they end us: there is nothing to remove any more. */
void signals_let_end(const struct held_signals *held);

/* The next signal that the program should get, or SIGCHLD. False: none has come. */
bool signals_next(siginfo_t *ret);

#endif
