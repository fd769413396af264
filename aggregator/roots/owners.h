/*
 * Whose packages files are, found out just before a manifest is written.
 *
 * A container's package database has thousands of files: reading it takes longer than all else that
 * is to be found out about a program that runs for a second, and the application would notice. So
 * looks (look.h) leave the package open until the database has been read for a snapshot; from
 * then on they tell it at once.
 *
 * One pass at a time in a root, by a worker, and with the root's tools: no batch runs meanwhile.
 * Where the file system does not answer (workers.h), manifests are written without.
 */
#ifndef FOOTPRINT_AGGREGATOR_ROOTS_OWNERS_H
#define FOOTPRINT_AGGREGATOR_ROOTS_OWNERS_H

#include <stdbool.h>

struct aggregator;
struct root;
struct owners_pass;

/* Of a root. */
struct owners {
	bool wanted;		  /* a pass is to begin as soon as the tools are free */
	bool late;		  /* nobody knows whether the one that runs will ever end */
	bool failed;		  /* for want of memory: the next snapshot tries again */
	struct owners_pass *pass; /* running; NULL: none */
};

/* Of a new root: files in it may be asked for later, unless too many roots have that already. */
void owners_init(struct root *root);
/* No pass is running, and none will be needed. */
void owners_deinit(struct root *root);
/* Are files still to be asked for in it, before a snapshot that is to come? */
bool owners_have_questions(const struct root *root);

/* Begins to find out what dirty applications do not know yet. True: it takes its time, and
 * snapshot_start() is called when it is done; while stopping, aggregator_progress(). */
bool owners_find(struct aggregator *daemon);
/* A snapshot has been written, with or without: what failed is tried again with the next one. */
void owners_forgive(struct aggregator *daemon);

/* The root's tools are free: a pass that waited for them begins. Or they may never be: then what
 * waited for it goes on without. */
void owners_go_on(struct root *root);
bool owners_need_tools(const struct root *root);
/* Is there something to wait for? */
bool owners_busy(const struct root *root);

#endif
