/*
 * What is only known when a run is over, from its manifest as a whole: which of the programs that
 * it has executed were never heard of, and which programs were started by no other.
 */
#ifndef FOOTPRINT_AGGREGATOR_MANIFESTS_RUN_END_H
#define FOOTPRINT_AGGREGATOR_MANIFESTS_RUN_END_H

#include <stdbool.h>

struct application;

/* Adds it to the manifest. 0 or -ENOMEM; then it may be called again. */
int run_tell_end(struct application *application);

/* Has the open run executed a program that was not heard of yet? */
bool run_awaits_program(struct application *application);

/* Marks a program with which a run began. 0 or -ENOMEM. */
int run_mark_first(struct application *application, const char *path);

#endif
