/* The private aggregator of `footprint run`: a footprintd in a directory of its own. */
#ifndef FOOTPRINT_TOOLS_RUN_PRIVATE_H
#define FOOTPRINT_TOOLS_RUN_PRIVATE_H

#include <sys/types.h>

#include "lib/base/error.h"
#include "tools/run_signals.h"

struct private_aggregator {
	char *directory; /* holds everything below; removed at the end */
	char *socket, *spool, *manifests;
	char *library; /* libfootprint.so, as LD_PRELOAD can name it */
	pid_t pid;     /* of footprintd; 0: not running */
};

/* Starts it and waits until it listens, or a signal comes. 0, or negative errno with err. */
int private_start(
	struct private_aggregator *aggregator, struct held_signals *signals, struct error *err);
/* Ends it, and waits until it has written everything. 0, or -EIO with err: it has failed. */
int private_finish(struct private_aggregator *aggregator, struct error *err);
/* Removes the directory. May be called for one that was not started (all zero). */
void private_remove(struct private_aggregator *aggregator);

#endif
