/*
 * What is mapped into a watched dynamic program. Below a static program, which may give it an
 * environment without LD_PRELOAD, a dynamic program has no library of ours that would say so. Its
 * dynamic linker opens files like anybody else, and is itself mapped by the kernel, which announces
 * nothing. So the process's memory map is read when all that it needs has been mapped, and before
 * it ends or executes another program.
 */
#ifndef FOOTPRINT_SUPERVISE_LOADS_H
#define FOOTPRINT_SUPERVISE_LOADS_H

#include <stdbool.h>

/* Records the dynamic linker of the program of this process, which has just been entered. False: it
 * has none. */
bool loads_begin(int pid);

/* Is an announced call with this number the time to look? */
bool loads_show(long number);

/* Records what is mapped into this process, which is about to make a call with this number. */
void loads_look(int pid, long number);

#endif
