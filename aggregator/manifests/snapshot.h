/*
 * Snapshots: write manifests to disk, every few seconds when something has changed, and at the end.
 *
 * While a snapshot is being written, on a thread of its own, no fact is applied: facts wait in
 * their queues, and the loop goes on. Only when a manifest has been renamed into place are the
 * memories of live sessions acknowledged, and spool files removed.
 */
#ifndef FOOTPRINT_AGGREGATOR_MANIFESTS_SNAPSHOT_H
#define FOOTPRINT_AGGREGATOR_MANIFESTS_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "aggregator/roots/workers.h"
#include "lib/base/error.h"

struct aggregator;
struct application;

struct snapshot_item {
	struct application *application; /* referenced */
	int result;
	struct error error;
};

struct snapshot {
	uv_timer_t timer;
	struct workers writer; /* one thread */
	struct job job;
	bool running;
	bool moved;  /* the directory of manifests has another name by now */
	bool late;   /* the running one may never end: the file system does not answer */
	bool failed; /* the last one failed, at least in part */
	uint64_t began_ms;
	uint64_t due_ms; /* since when it has waited for programs to start; 0: it does not */
	struct aggregator *daemon;
	struct snapshot_item *items;
	size_t n_items;
	size_t n_troubled; /* of them, which cannot be written for the first time */
};

int snapshot_init(struct aggregator *daemon);
/* Writes what has changed, unless one is running. */
void snapshot_start(struct aggregator *daemon);
/* Looks whether writing is late. */
void snapshot_tick(struct aggregator *daemon);
void snapshot_close(struct aggregator *daemon);

#endif
