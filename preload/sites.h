/*
 * Sites: the `syscall` instructions inside libc and ld.so through which they open files, run programs
 * and connect without passing a public function. sites_install() redirects them to trampolines that
 * end in site_called().
 */
#ifndef FOOTPRINT_PRELOAD_SITES_H
#define FOOTPRINT_PRELOAD_SITES_H

/* From the constructor, before threads exist. Does nothing under FOOTPRINT_SITES=0. What cannot be
 * patched becomes a gap ("sites"). */
void sites_install(char **envp);

#endif
