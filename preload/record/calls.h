/*
 * What each system call, by its number, means as a record. The sites inside libc and the hook of
 * syscall(2) both come here, so a call is recorded the same whichever way it came.
 *
 * Start at `call_table` in calls_table.c: one row for each system call, following doc/facts.md. The
 * functions here can be called anywhere: in signal handlers, in a vfork child, before constructors.
 * Arguments are the six registers as the kernel gets them. A pointer among them is followed only
 * where the kernel's answer shows that the kernel has followed it, too.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_CALLS_H
#define FOOTPRINT_PRELOAD_RECORD_CALLS_H

#include <stdbool.h>
#include <stdint.h>

/* To be called before the system call; only those from BEFOREHAND on need it, and those that have
 * room for an answer (calls_table.h). Returns a ticket for call_after(). */
uint64_t call_before(long number, const long arguments[6]);
/* To be called after the system call. result: the kernel's answer, a negative errno on failure. In
 * the child of a call that makes a process the result is 0. Does nothing for a number without a
 * row. */
void call_after(long number, const long arguments[6], long result, uint64_t ticket);

/* Would call_after() record nothing and remember nothing? Writes nothing, and makes no system call.
 * False also where that is not known. Only ever true for opens, the calls that are repeated
 * most. */
bool call_is_known(long number, const long arguments[6], long result);

#endif
