/*
 * What of a static program's code can be redirected to the express lane (express.h). Found in its
 * file once, and remembered for when it is executed again.
 */
#ifndef FOOTPRINT_SUPERVISE_EXPRESS_PLAN_H
#define FOOTPRINT_SUPERVISE_EXPRESS_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#define EXPRESS_SITES_MAX 16u
#define EXPRESS_SITE_SIZE 8u

/* A `syscall`, and what a jump in its place overwrites. */
struct express_site {
	uint64_t address;
	uint8_t size; /* bytes of code that the stub executes instead */
	uint8_t bytes[EXPRESS_SITE_SIZE];
};

/* Addresses are as the file has them. */
struct express_plan {
	bool moves;		  /* addresses are relative to where the program was loaded */
	uint32_t count;		  /* number of sites; 0: nothing can be redirected */
	uint64_t entry;		  /* where the program begins */
	uint64_t room, room_size; /* free space behind its code, in the same page */
	struct express_site sites[EXPRESS_SITES_MAX];
};

/* The plan for the program that `pid` runs. NULL: its file cannot be read. Valid until the next
 * call. */
const struct express_plan *express_plan(int pid);

#endif
