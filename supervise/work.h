/* The worker: receives announcements, records what they say, answers "continue". */
#ifndef FOOTPRINT_SUPERVISE_WORK_H
#define FOOTPRINT_SUPERVISE_WORK_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * What guardian and worker share. The kernel writes the announcement straight into this memory, so
 * that when the worker dies with it the guardian knows whom to answer.
 */
struct shared {
	struct seccomp_notif notif; /* id 0: nothing is being worked on */
	char room[256];		    /* later kernels may have more to say */
	uint64_t served;	    /* announcements so far: does the worker still move? */
	int32_t lost;		    /* whose announcement nobody recorded, 0: none */
};

enum work_end {
	WORK_DONE,  /* nobody is watched any more */
	WORK_ALONE, /* the guardian is gone */
};

/* Can this kernel be told to go on with a call that it has announced? */
bool work_is_possible(void);

/* guardian: the process that is our parent as long as it lives. */
enum work_end work(int listener, int guardian, struct shared *shared);

/* Answers "continue"; of no effect when nobody waits for that any more. */
void work_answer(int listener, uint64_t id);

/* Does whose announcement is being worked on still wait? Else its pid may be somebody else's. */
bool work_stands(void);

/* Answers all there will ever be, without looking. */
void work_blindly(int listener, struct shared *shared);

#endif
