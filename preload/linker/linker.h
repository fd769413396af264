/*
 * What the dynamic linker loads. libc loads NSS and gconv modules and libgcc_s through functions of
 * ld.so that nobody can hook; the sites of ld.so see how it opens an object and maps its code.
 *
 * Start at linker_called(). A public dlopen (hooks_dlopen.c) knows better who asked for what, so it
 * says while it is in progress.
 */
#ifndef FOOTPRINT_PRELOAD_LINKER_LINKER_H
#define FOOTPRINT_PRELOAD_LINKER_LINKER_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/sites/sites_object.h"

/* An object whose sites are redirected: the dynamic linker, or libc. From the constructor. */
void linker_know(const struct sites_object *object);

/* Where the dynamic linker's code lies. */
extern struct linker_code {
	uint64_t begin, end;
} linker_code __attribute__((visibility("hidden")));

/* Is this address in it? */
static inline bool linker_holds(uint64_t address)
{
	return address >= linker_code.begin && address < linker_code.end;
}

/* A site of the dynamic linker made this call; a negative result is an errno. */
void linker_called(long number, const long arguments[6], long result);

/* Around each public dlopen, in any thread. */
void linker_dlopen_begin(void);
void linker_dlopen_end(void);

#endif
