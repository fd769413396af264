/*
 * The arguments of a system call, as its row numbers them: from 1 (enum argument). Each is read as
 * the type that the kernel reads it as.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_ARGUMENTS_H
#define FOOTPRINT_PRELOAD_RECORD_ARGUMENTS_H

#include <fcntl.h>

#include "preload/rawcall.h"
#include "preload/record/calls_table.h"

static inline int descriptor_in(const long arguments[6], unsigned which)
{
	return which == NONE ? AT_FDCWD : (int)arguments[which - 1];
}

static inline const char *path_in(const long arguments[6], unsigned which)
{
	return which == NONE ? NULL : (const char *)arguments[which - 1];
}

/* The kernel ignores the upper half of a register that holds an int. */
static inline int int_in(const long arguments[6], unsigned which)
{
	return (int)arguments[which - 1];
}

static inline unsigned flags_in(const long arguments[6], unsigned which)
{
	return which == NONE ? 0 : (unsigned)arguments[which - 1];
}

static inline int error_of(long result)
{
	return rawcall_failed(result) ? (int)-result : 0;
}

#endif
