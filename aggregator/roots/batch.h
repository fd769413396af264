/* A batch of looks in one root, which a worker makes. */
#ifndef FOOTPRINT_AGGREGATOR_ROOTS_BATCH_H
#define FOOTPRINT_AGGREGATOR_ROOTS_BATCH_H

#include "aggregator/roots/root.h"
#include "aggregator/roots/workers.h"

#define BATCH_LOOKS_MAX 256u

struct batch_item {
	struct path *path;
	enum look_depth depth;
	bool digest;
	struct look *look; /* the result; NULL: no memory, or not looked at */
};

struct batch {
	struct job job;
	struct root *root;
	uint64_t started_ms;
	bool refresh;  /* forget cached directories first */
	bool packages; /* with `refresh`: look whether the package database has changed */
	void (*finished)(struct batch *batch);
	void (*late)(struct batch *batch);
	unsigned n, n_looked; /* looked at so far, from the first item on */
	struct batch_item items[BATCH_LOOKS_MAX];
};

/* NULL: no memory. */
struct batch *batch_new(struct root *root);
bool batch_full(const struct batch *batch);
/* Adds a path, or asks for more depth if it is in the batch already. The batch must not be full. */
void batch_add(struct batch *batch, struct root *root, struct path *path, enum look_depth depth);
/* Starts the batch. `finished` is called on the loop's thread when it is done. If the root's file
 * system does not answer for long (workers.h), `late` is called there before. 0 or a negative
 * errno. */
int batch_start(struct batch *batch, void (*finished)(struct batch *batch),
	void (*late)(struct batch *batch));
/* Gives the paths their new looks, as far as there was time to make them, and frees the batch.
 * False: for some there was no memory. */
bool batch_take(struct batch *batch);
void batch_free(struct batch *batch);

#endif
