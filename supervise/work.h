/* The worker: receives announcements, records what they say, answers "continue". */
#ifndef FOOTPRINT_SUPERVISE_WORK_H
#define FOOTPRINT_SUPERVISE_WORK_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * What guardian and worker share. The kernel writes each announcement straight into this memory. So
 * if the worker dies with one, the guardian knows which one to answer.
 */
struct shared {
	struct seccomp_notif notif; /* id 0: nothing is being worked on */
	char room[256];		    /* later kernels may write more */
	uint64_t served; /* announcements so far, which shows whether the worker still works */
	int32_t lost;	 /* pid of a caller whose announcement was not recorded; 0: none */
};

enum work_end {
	WORK_DONE,  /* nobody is watched any more */
	WORK_ALONE, /* the guardian is gone */
};

/* Does this kernel know the answer "continue"? */
bool work_is_possible(void);

/* guardian: the process that is our parent as long as it lives. */
enum work_end work(int listener, int guardian, struct shared *shared);

/* Answers "continue". Has no effect if no process waits for that any more. */
void work_answer(int listener, uint64_t id);

/* Does the caller still wait whose announcement is being worked on? If not, another process may
 * have its pid. */
bool work_stands(void);

/* Answers all announcements from now on, without looking at them. */
void work_blindly(int listener, struct shared *shared);

#endif
