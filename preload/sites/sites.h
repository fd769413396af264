/*
 * Sites: the `syscall` instructions inside libc and ld.so through which they open files, run
 * programs and connect without passing a public function. sites_install() redirects them to
 * trampolines that record the call and make it.
 *
 * Start at sites_install() in sites.c. sites_object.c finds libc and ld.so, sites_known.def and
 * sites_search.c say where their sites are, sites_pattern.c tells which can be redirected,
 * sites_pages.c maps pages of libc where they are, and sites_call.S holds the trampolines.
 * doc/decisions/sites.md has the figures and the reasons.
 */
#ifndef FOOTPRINT_PRELOAD_SITES_SITES_H
#define FOOTPRINT_PRELOAD_SITES_SITES_H

#include <stdbool.h>
#include <stddef.h>

/* From the constructor, before threads exist. Under FOOTPRINT_SITES=0 it only leaves a gap. What
 * cannot be patched becomes a gap ("sites"). */
void sites_install(char **envp);

/* libc's inner calls are seen. Hooks of public functions record all the same, unless sites_cover()
 * says otherwise: a libc may have a public function twice (libpthread's), and not every public
 * function is a site. */
extern bool sites_active;

/* Does this function of libc's make its call through a site? So does execve, a few instructions
 * from its start, where nothing else has taken its place. */
bool sites_begin(const void *function);

/* Does this function, of so many bytes, make system calls, and all that stand in its code through
 * sites? Where the bytes of a `syscall` are part of something else the answer is no. */
bool sites_cover(const void *function, size_t size);

#endif
