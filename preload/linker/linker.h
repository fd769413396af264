/*
 * What the dynamic linker loads. libc loads NSS and gconv modules, and libgcc_s, by functions of
 * ld.so that cannot be hooked. The sites of ld.so see how it opens an object and maps its code.
 *
 * Start at linker_called(). A public dlopen (hooks_dlopen.c) knows better who has asked for what,
 * so it reports when it begins and ends.
 */
#ifndef FOOTPRINT_PRELOAD_LINKER_LINKER_H
#define FOOTPRINT_PRELOAD_LINKER_LINKER_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/sites/sites_object.h"

/* Tells of an object whose sites are redirected: the dynamic linker, or libc. For the
 * constructor. */
void linker_know(const struct sites_object *object);

/* The addresses of the dynamic linker's code. */
extern struct linker_code {
	uint64_t begin, end;
} linker_code __attribute__((visibility("hidden")));

/* Is this address in it? */
static inline bool linker_holds(uint64_t address)
{
	return address >= linker_code.begin && address < linker_code.end;
}

/* A site of the dynamic linker has made this call. A negative result is an errno. */
void linker_called(long number, const long arguments[6], long result);

/* To be called around each public dlopen, in any thread. */
void linker_dlopen_begin(void);
void linker_dlopen_end(void);

#endif
