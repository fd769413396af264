/*
 * System calls by number: what each means as a record. Used by the sites inside libc and by the
 * hook of syscall(2)'s wrapper, so that a call is recorded alike whichever way it came in.
 *
 * Start at `call_table` in calls_table.c: one row a system call, as doc/facts.md has it. All of
 * them are callable anywhere: in signal handlers, in a vfork child, before constructors. Arguments
 * are the six registers as the kernel gets them; a pointer among them is followed only where the
 * kernel's answer shows that it followed it too.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_CALLS_H
#define FOOTPRINT_PRELOAD_RECORD_CALLS_H

#include <stdbool.h>
#include <stdint.h>

/* Before the call; only those from BEFOREHAND on need it (calls_table.h). Returns a ticket for
 * call_after. */
uint64_t call_before(long number, const long arguments[6]);
/* After it; result is the kernel's answer: a negative errno on failure. In the child of a call that
 * makes a process result is 0. Does nothing for a number that is of no interest. */
void call_after(long number, const long arguments[6], long result, uint64_t ticket);

/* Would call_after() record nothing and remember nothing? Writes nothing and makes no system call;
 * false also where that is not known. Answers for opens, the calls that are repeated most. */
bool call_is_known(long number, const long arguments[6], long result);

#endif
