/*
 * Programs that make system calls past libc, of which hooks and sites see nothing. A Go program
 * does so for every file it opens, also where it is linked with libc (cgo).
 */
#ifndef FOOTPRINT_PRELOAD_PROGRAMS_RAW_CALLS_H
#define FOOTPRINT_PRELOAD_PROGRAMS_RAW_CALLS_H

#include "preload/entry.h"

/* Records a gap if the program is one of them. Looks at the notes in its first pages alone. */
void raw_calls_record(const struct entry *entry);

#endif
