/*
 * Functions that are found past us. A library that is loaded with RTLD_DEEPBIND looks for them in
 * what it needs itself before the program's scope, and dlsym of a library's handle there alone:
 * both find libc's, behind our hooks. They are led to the hook where that calls the very function
 * they found; who stands between the two is left alone.
 */
#ifndef FOOTPRINT_PRELOAD_LINKER_REBIND_H
#define FOOTPRINT_PRELOAD_LINKER_REBIND_H

#include <link.h>

/* Our hook of this name, where what was found is the function behind it; else what was found. */
void *rebind_function(const char *name, void *found);

/* An object that has just been relocated: its tables lead to our hooks. NULL, or why not all do. */
const char *rebind_object(const struct dl_phdr_info *object);

#endif
