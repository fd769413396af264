/*
 * The application's own seccomp filters. After one is installed we make no system calls; and the
 * programs that it executes inherit it, where our start makes calls that it may answer with death.
 */
#ifndef FOOTPRINT_PRELOAD_PROGRAMS_FILTERS_H
#define FOOTPRINT_PRELOAD_PROGRAMS_FILTERS_H

/* A filter was installed: `program` is what prctl or seccomp was given (struct sock_fprog), NULL:
 * strict mode. */
void filter_installed(const void *program);

#endif
