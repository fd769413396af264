/*
 * What is known only when a run is over, from its manifest as a whole: which of the programs that
 * were executed nobody has heard of, and which were started by nobody.
 */
#ifndef FOOTPRINT_AGGREGATOR_MANIFESTS_RUN_END_H
#define FOOTPRINT_AGGREGATOR_MANIFESTS_RUN_END_H

struct application;

/* Adds it to the manifest. 0 or -ENOMEM; then it may be called again. */
int run_tell_end(struct application *application);

/* Some run began with this program. 0 or -ENOMEM. */
int run_mark_first(struct application *application, const char *path);

#endif
