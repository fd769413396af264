/*
 * Applications: (name, version), the manifest of each, and the run that goes on.
 *
 * An application is in memory while it has sessions or something unwritten; after that its manifest
 * on disk is all there is, and is read again when it comes back.
 */
#ifndef FOOTPRINT_AGGREGATOR_MANIFESTS_APPLICATION_H
#define FOOTPRINT_AGGREGATOR_MANIFESTS_APPLICATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "aggregator/manifests/run.h"
#include "lib/manifest/manifest.h"
#include "proto/record.pb-c.h"

#define APPLICATIONS_MAX      4096u
#define APPLICATION_FILE_SIZE 272
/* In the directory of manifests: see own_file.h. */
#define MANIFESTS_LOCK_NAME ".footprintd.lock"
/* Entries of the cache of what was applied already; a power of two. */
#define APPLIED_SLOTS 16384u

struct aggregator;

struct application {
	LIST_ENTRY(application) link;
	struct aggregator *daemon;
	unsigned references; /* sessions */
	char name[MANIFEST_NAME_SIZE], version[MANIFEST_NAME_SIZE];
	char file[APPLICATION_FILE_SIZE]; /* NAME@VERSION.footprint */
	struct manifest *manifest;
	struct run run;
	bool dirty; /* the manifest on disk, or the one being written, does not have everything */
	bool reported; /* that it cannot be written */
	bool full;     /* the manifest is as large as one may be, and says so: no facts go in */
	/* Direct-mapped: keys of facts that went in before and need not go in again. */
	uint64_t *applied;
};

LIST_HEAD(application_list, application);
struct applications {
	struct application_list list;
	unsigned count;
	int directory; /* of manifests */
	int lock; /* keeps a second daemon, which would replace what we wrote, from it; -1: none */
};

/* The file of an application's manifest, in their directory. */
void application_file(
	const char *name, const char *version, char ret[static APPLICATION_FILE_SIZE]);
/* Opens (and makes) the directory of manifests, for us alone. 0 or negative errno, reported. */
int applications_init(struct aggregator *daemon);
void applications_deinit(struct aggregator *daemon);
/* After manifests could not be written: makes and opens the directory again if it was removed. */
void applications_follow(struct aggregator *daemon);

/* name and version as the hello gave them; the application continues from its manifest on disk.
 * 0 with a reference; -EACCES: the policy forbids it; -EMFILE: too many; -ENOMEM; others: the
 * manifest cannot be read (reported). */
int applications_get(
	struct aggregator *daemon, const char *name, const char *version, struct application **ret);
void application_unref(struct application *application);

/* A gap of the application that a hello names, which need not have a session: of its program, which
 * ended then (0: not known). Not while manifests are being written. 0 or negative errno. */
int application_gap(struct aggregator *daemon, const Footprint__Hello *hello, uint64_t ended_ns,
	const char *kind, const char *detail, uint64_t count);

/* Has the manifest no room for more? It may become so here; then it has a gap. 1, 0 or -ENOMEM. */
int application_is_full(struct application *application);
/* The manifest was too large to be written: what is on disk takes its place, with a gap. 0 or
 * negative errno. */
int application_go_back(struct application *application);

/* Ends runs that are over, frees applications that nobody needs. */
void applications_tick(struct aggregator *daemon);

/* Was a fact with this key applied before? If not, notes that it is now. */
bool application_applied(const struct application *application, uint64_t key);
void application_note_applied(struct application *application, uint64_t key);

#endif
