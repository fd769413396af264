/*
 * Functions that are found past our hooks. A library that is loaded with RTLD_DEEPBIND looks for
 * them in the libraries that it needs before it looks in the program's scope. dlsym with a handle
 * looks only in that library. Both find libc's function and not our hook. They are led to the hook,
 * if what they have found is the very function that the hook calls; a function of another library
 * in between stays.
 */
#ifndef FOOTPRINT_PRELOAD_LINKER_REBIND_H
#define FOOTPRINT_PRELOAD_LINKER_REBIND_H

#include <link.h>

/* Our hook of this name, if `found` is the function that the hook calls; otherwise `found`. */
void *rebind_function(const char *name, void *found);

/* Leads the tables of an object that has just been relocated to our hooks. NULL, or why not all
 * lead there. */
const char *rebind_object(const struct dl_phdr_info *object);

#endif
