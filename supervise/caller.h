/* Whose call is being recorded: what directories.c asks /proc about. */
#ifndef FOOTPRINT_SUPERVISE_CALLER_H
#define FOOTPRINT_SUPERVISE_CALLER_H

extern int caller_pid;

#endif
