/*
 * What the dynamic linker had done before us: the objects it mapped, and the files it looked at to
 * find them.
 */
#ifndef FOOTPRINT_PRELOAD_LINKER_LOADED_H
#define FOOTPRINT_PRELOAD_LINKER_LOADED_H

#include "preload/entry.h"

/* Path of the program, where the dynamic linker was run by hand (`ld.so program`); else NULL. */
const char *loaded_program(void);

/* Path of the dynamic linker as mapped, NULL: not known. */
const char *loaded_interpreter(void);

/* Records all objects, but for the program (the hello names it), the vdso and ourselves, and the
 * linker's own files. */
void loaded_record(const struct entry *entry);

#endif
