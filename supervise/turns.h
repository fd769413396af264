/*
 * Decides whether caller and worker share a processor. Since Linux 6.6, the kernel can wake a
 * worker on its caller's processor, and the caller on its worker's. For a thread that calls over
 * and over this is three times as fast, because only one of the two has something to do at a time.
 * Threads that call side by side lose by it: all of them move to the worker's processor and wait
 * there, while another processor is idle. So the worker looks at who calls, and asks for it or not.
 */
#ifndef FOOTPRINT_SUPERVISE_TURNS_H
#define FOOTPRINT_SUPERVISE_TURNS_H

#include <stdbool.h>

struct turns {
	int caller;    /* the thread that called last */
	unsigned calm; /* high: one thread calls over and over; 0: several do */
	bool shared;   /* caller and worker take turns on one processor */
};

/* The initial state: most programs begin with one thread. */
struct turns turns_begin(void);

/* A thread has called. True: `shared` has changed. */
bool turns_change(struct turns *turns, int caller);

#endif
