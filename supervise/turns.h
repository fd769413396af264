/*
 * Whose turn it is on a processor. From Linux 6.6 on the kernel can wake a worker on its caller's
 * processor, and the caller on its worker's. For a thread that calls over and over that is three
 * times as fast, since only one of the two has anything to do at a time. Threads that call side by
 * side lose by it: all of them go where the worker is, and stand in line there while another
 * processor has nothing to do. So the worker looks at who calls, and asks for it or not.
 */
#ifndef FOOTPRINT_SUPERVISE_TURNS_H
#define FOOTPRINT_SUPERVISE_TURNS_H

#include <stdbool.h>

struct turns {
	int caller;    /* the thread that called last */
	unsigned calm; /* high: one thread calls over and over; 0: several do */
	bool shared;   /* caller and worker take turns on one processor */
};

/* As most programs begin: with one thread. */
struct turns turns_begin(void);

/* A thread has called. True: `shared` is another than before. */
bool turns_change(struct turns *turns, int caller);

#endif
