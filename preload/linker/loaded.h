/*
 * What the dynamic linker has done before us: the objects that it has mapped, and the files that it
 * has looked at to find them.
 */
#ifndef FOOTPRINT_PRELOAD_LINKER_LOADED_H
#define FOOTPRINT_PRELOAD_LINKER_LOADED_H

#include "preload/entry.h"

/* The path of the program, if the dynamic linker was executed with it as argument (`ld.so
 * program`); else NULL. */
const char *loaded_program(void);

/* The path of the dynamic linker that is mapped. NULL: not known. */
const char *loaded_interpreter(void);

/* Records all objects except the program (the hello names it), the vdso and this library; and the
 * dynamic linker's own files. */
void loaded_record(const struct entry *entry);

#endif
