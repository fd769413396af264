/* The calls that change what the process is, what it holds or what it may do; calls.c takes them
 * here. */
#ifndef FOOTPRINT_PRELOAD_RECORD_CALLS_PROCESS_H
#define FOOTPRINT_PRELOAD_RECORD_CALLS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/record/calls_table.h"

/* As call_before() and call_after(), with the row of the number. */
uint64_t process_call_before(long number, const struct call *call, const long arguments[6]);
void process_call_after(long number, const struct call *call, const long arguments[6], long result,
	uint64_t ticket);

/* Does a call that makes a process or thread leave it in the caller's memory? */
bool call_shares_memory(long number, const long arguments[6]);

#endif
