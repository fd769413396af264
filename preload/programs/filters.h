/*
 * The application's own seccomp filters. After one is installed, we make no system call in this
 * process. The programs that it executes inherit the filter; it may kill them for the calls that
 * our start makes, so that is found out, too. If it lets us live there, it does so here, and just
 * before a program is executed we look at it as ever: whether it can be watched, nobody else says.
 */
#ifndef FOOTPRINT_PRELOAD_PROGRAMS_FILTERS_H
#define FOOTPRINT_PRELOAD_PROGRAMS_FILTERS_H

/* A filter was installed. program: what prctl or seccomp was given (struct sock_fprog); NULL:
 * strict mode. */
void filter_installed(const void *program);

#endif
