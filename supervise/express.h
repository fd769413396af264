/*
 * The express lane: how a watched static program makes a call that it made before without being
 * held. The kernel announces calls by number, and cannot tell a path that was seen; so the program
 * itself is made to look, in a table that the supervisor fills.
 *
 *   a program begins     its code is redirected to a gate
 *                        (express_begin, express_plan.c)
 *   it repeats itself    the gate has it map the road, which is filled
 *                        (express_came: EXPRESS_OPENED, express_opened)
 *   a call on the road   is made, and looked for in the table; when it is
 *                        there, that was all; else it is reported,
 *                        recorded, and put there (express_remember)
 *   it changes its root  or installs a filter of its own: the road is
 *                        closed (express_attend)
 *
 * What runs in the program is express_code.S; all of it is right at any moment, whatever becomes of
 * us. Nothing here relies on what stands in the program's memory: what it writes there harms
 * itself.
 */
#ifndef FOOTPRINT_SUPERVISE_EXPRESS_H
#define FOOTPRINT_SUPERVISE_EXPRESS_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

#include "supervise/call.h"

/* Of a process image; all zero at first. */
struct express {
	uint64_t stack;		 /* where its stack began: says where its road is */
	uint64_t gate, gate_end; /* 0: none, or not known */
	int owner;		 /* the process that began */
	int leaving;	   /* the thread that may be changing its working directory; 0: none */
	unsigned repeats;  /* announced calls that said nothing new */
	unsigned failures; /* to map the road */
	bool closed;	   /* no road, for good */
	bool directories_differ; /* its processes may have several working directories */
};

enum express_came {
	EXPRESS_NO,	  /* an announcement like any other */
	EXPRESS_PLAIN,	  /* by way of the gate, which is not open */
	EXPRESS_OPENED,	  /* the gate's own word */
	EXPRESS_REPORTED, /* a call that was made already: *announced is changed to say which */
};

/* How an announced call came. */
enum express_came express_came(const struct express *express, const struct seccomp_data *data,
	struct announced *announced);

/* A program begins in `pid`, which was executed just now: its code is redirected if it may be. */
void express_begin(struct express *express, int pid);

/* The gate of `pid` has mapped the road, or tried: arguments are its word. */
void express_opened(struct express *express, const struct announced *announced, uint64_t next);

/* A call that came EXPRESS_PLAIN said nothing new. */
void express_repeated(struct express *express, int pid);

/* A reported call of this path was recorded: it need not be reported again. */
void express_remember(struct express *express, const struct announced *announced, const char *path);

/* An announced call, before it is made: it may change what paths mean. */
void express_attend(struct express *express, const struct announced *announced);

#endif
