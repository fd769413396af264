/*
 * The express lane: a watched static program makes a call that it has made before without being
 * held. The kernel announces calls by their number, and cannot tell whether a path was seen before.
 * So the program itself is made to look that up, in a table that the supervisor fills.
 *
 *   a program begins     its code is redirected to a gate
 *                        (express_begin, express_plan.c)
 *   it repeats itself    the gate has it map the road, which is filled
 *                        (express_came: EXPRESS_OPENED, express_opened)
 *   a call on the road   is made, and looked up in the table; if it is
 *                        there, that was all; else it is reported,
 *                        recorded, and put there (express_remember)
 *   it changes its root  or installs a filter of its own: the road is
 *                        closed (express_attend)
 *
 * express_code.S is what runs in the program. All of it is right at any moment, whatever becomes of
 * us. Nothing here relies on what is in the program's memory: what the program writes there only
 * harms itself.
 */
#ifndef FOOTPRINT_SUPERVISE_EXPRESS_H
#define FOOTPRINT_SUPERVISE_EXPRESS_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

#include "supervise/call.h"

/* The state of one process image; all zero at first. */
struct express {
	uint64_t stack; /* where its stack began; the address of its road follows from that */
	uint64_t gate, gate_end; /* 0: none, or not known */
	int owner;		 /* the process that began */
	int leaving;	   /* the thread that may be changing its working directory; 0: none */
	unsigned repeats;  /* how many announced calls were nothing new */
	unsigned failures; /* how often mapping the road has failed */
	bool closed;	   /* no road, for good */
	bool directories_differ; /* its processes may have several working directories */
};

enum express_came {
	EXPRESS_NO,	  /* an announcement like any other */
	EXPRESS_PLAIN,	  /* through the gate, which is not open */
	EXPRESS_OPENED,	  /* sent by the gate itself, which has mapped the road */
	EXPRESS_REPORTED, /* reports a call that was made, which *announced becomes */
};

/* How an announced call came. */
enum express_came express_came(const struct express *express, const struct seccomp_data *data,
	struct announced *announced);

/* A program begins in `pid`, which was just executed: redirects its code, if that is possible. */
void express_begin(struct express *express, int pid);

/* This process is about to install a filter of its own, which what it executes will inherit. */
void express_filter(int pid);

/* The gate of this process has mapped the road, or tried to: the arguments say so. */
void express_opened(struct express *express, const struct announced *announced, uint64_t next);

/* A call that came EXPRESS_PLAIN was nothing new. */
void express_repeated(struct express *express, int pid);

/* A reported call with this path was recorded, and need not be reported again. */
void express_remember(struct express *express, const struct announced *announced, const char *path);

/* To be called for each announced call before it is made: it may change what paths mean. */
void express_attend(struct express *express, const struct announced *announced);

#endif
