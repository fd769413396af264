/*
 * Finds out whose packages files are, just before a manifest is written.
 *
 * A container's package database has thousands of files. Reading it takes longer than everything
 * else that is to be found out about a program that runs for a second, and the application would
 * notice. So looks (look.h) leave the package open until the database has been read for a snapshot;
 * from then on they fill it in.
 *
 * One pass at a time runs in a root, on a worker's thread. It uses the root's tools, so no batch
 * runs meanwhile. If the file system does not answer (workers.h), manifests are written without
 * packages.
 */
#ifndef FOOTPRINT_AGGREGATOR_ROOTS_OWNERS_H
#define FOOTPRINT_AGGREGATOR_ROOTS_OWNERS_H

#include <stdbool.h>
#include <stdint.h>

struct aggregator;
struct root;
struct owners_pass;

/* The state of this in one root. */
struct owners {
	bool wanted;		  /* a pass is to begin as soon as the tools are free */
	bool late;		  /* the running pass may never end */
	bool failed;		  /* there was no memory: the next snapshot tries again */
	bool read;		  /* the database has been read before */
	struct owners_pass *pass; /* running; NULL: none */
	uint64_t facts;		  /* queued in the root when a snapshot was last due */
};

/* For a new root: gives it a number, so that its files can be asked for later. Without one (too
 * many roots have one already) each look asks at once. */
void owners_init(struct root *root);
/* For a root in which no pass is running, and none will be needed. */
void owners_deinit(struct root *root);
/* Does a later snapshot have to ask for files in this root? */
bool owners_have_questions(const struct root *root);

/* A snapshot is due. Should it wait for the next time, because the database of a root would be read
 * for the first time while the programs there are still starting, and notice? They have calmed down
 * when nothing new has been heard of them since a snapshot was last due. New roots may come all the
 * time, so the caller does not wait for ever. */
bool owners_should_wait(struct aggregator *daemon);

/* Begins to find out what manifests of dirty applications do not know yet. True: that takes a
 * while, and then calls snapshot_start(), or aggregator_progress() while the daemon is stopping. */
bool owners_find(struct aggregator *daemon);
/* What has failed for want of memory may be asked for again. False: nothing has. */
bool owners_try_again(struct aggregator *daemon);
/* A snapshot has been written, whether with packages or without. What has failed is tried again
 * with the next one. */
void owners_forgive(struct aggregator *daemon);

/* The root's tools are free: a pass that waited for them begins. Or they may never be: then the
 * snapshot that waited goes on without them. */
void owners_go_on(struct root *root);
bool owners_need_tools(const struct root *root);
/* Is a pass running or wanted, that will come to an end? */
bool owners_busy(const struct root *root);

#endif
