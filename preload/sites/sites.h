/*
 * Sites: the `syscall` instructions inside libc, ld.so and Go programs, by which these open files,
 * execute programs and connect without calling a public function. sites_install() redirects them to
 * trampolines, which make the call and record it.
 *
 * Start at sites_install() in sites.c. sites_object.c finds libc and ld.so; sites_known.def and
 * sites_search.c say where their sites are; sites_pattern.c decides which of these can be
 * redirected; sites_pages.c maps pages of libc whose sites are redirected already; sites_call.S
 * holds the trampolines. sites_go.c does the same for Go programs. doc/decisions/sites.md has the
 * figures and the reasons.
 */
#ifndef FOOTPRINT_PRELOAD_SITES_SITES_H
#define FOOTPRINT_PRELOAD_SITES_SITES_H

#include <stdbool.h>
#include <stddef.h>

#include "preload/entry.h"

/* To be called by the constructor, before there are threads. With FOOTPRINT_SITES=0, only records a
 * gap. Whatever cannot be redirected is a gap ("sites", or "raw-syscall" in a Go program). */
void sites_install(const struct entry *entry);

/* True: libc's inner calls are seen. The hooks of public functions record nevertheless, unless
 * sites_cover() says that they need not: a libc may have a public function twice (libpthread's),
 * and not every public function has a site. */
extern bool sites_active;

/* Does this function of libc make its system call through a site, near its start? True of execve,
 * unless something else has taken its place. */
bool sites_begin(const void *function);

/* Does this function, of `size` bytes, make system calls, and are all of them redirected? False
 * also if the bytes of a `syscall` are part of another instruction. */
bool sites_cover(const void *function, size_t size);

#endif
