/* A batch of looks in one root, made by a worker. */
#ifndef FOOTPRINT_AGGREGATOR_ROOTS_BATCH_H
#define FOOTPRINT_AGGREGATOR_ROOTS_BATCH_H

#include "aggregator/roots/root.h"
#include "aggregator/roots/workers.h"

#define BATCH_LOOKS_MAX 256u

struct batch_item {
	struct path *path;
	enum look_depth depth;
	bool digest;
	struct look *look; /* the answer; NULL: no memory, or not looked at */
};

struct batch {
	struct job job;
	struct root *root;
	uint64_t started_ms;
	bool refresh;  /* forget cached directories first */
	bool packages; /* with it: see whether the package database has changed */
	void (*finished)(struct batch *batch);
	void (*late)(struct batch *batch);
	unsigned n, n_looked; /* from the first on */
	struct batch_item items[BATCH_LOOKS_MAX];
};

/* NULL: no memory. */
struct batch *batch_new(struct root *root);
bool batch_full(const struct batch *batch);
/* Once for each path: later calls may ask for more depth. The batch is not full. */
void batch_add(struct batch *batch, struct root *root, struct path *path, enum look_depth depth);
/* `finished` runs on the loop's thread, and before it `late`, should the root's file system not
 * answer for long (workers.h). 0 or negative errno. */
int batch_start(struct batch *batch, void (*finished)(struct batch *batch),
	void (*late)(struct batch *batch));
/* Gives the paths their new looks, those that there was time for, and frees the batch. False: there
 * was no memory for some. */
bool batch_take(struct batch *batch);
void batch_free(struct batch *batch);

#endif
