/*
 * Programs that make system calls past libc, which hooks and sites do not see. A Go program does so
 * for each file that it opens, even if it is linked with libc (cgo).
 */
#ifndef FOOTPRINT_PRELOAD_PROGRAMS_RAW_CALLS_H
#define FOOTPRINT_PRELOAD_PROGRAMS_RAW_CALLS_H

#include "preload/entry.h"

/* Records a gap if the program is one of them. Only looks at the notes in its first pages. */
void raw_calls_record(const struct entry *entry);

#endif
