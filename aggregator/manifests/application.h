/*
 * Applications: a name and a version, with its manifest, and the run that is going on.
 *
 * An application is in memory while it has sessions, or something that is not written. After that
 * there is only its manifest on disk, which is read again when the application comes back.
 */
#ifndef FOOTPRINT_AGGREGATOR_MANIFESTS_APPLICATION_H
#define FOOTPRINT_AGGREGATOR_MANIFESTS_APPLICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "aggregator/manifests/applied.h"
#include "aggregator/manifests/run.h"
#include "lib/manifest/manifest.h"
#include "proto/record.pb-c.h"

#define APPLICATIONS_MAX      8192u /* at a time; of one user, as many as are left for others */
#define APPLICATION_FILE_SIZE 272
/* In the directory of manifests: see own_file.h. */
#define MANIFESTS_LOCK_NAME ".footprintd.lock"

struct aggregator;
struct session;

struct application {
	LIST_ENTRY(application) link;
	struct aggregator *daemon;
	unsigned references; /* sessions */
	uint32_t user;	     /* whose process was the first */
	LIST_HEAD(, session) sessions;
	char name[MANIFEST_NAME_SIZE], version[MANIFEST_NAME_SIZE];
	char file[APPLICATION_FILE_SIZE]; /* NAME@VERSION.footprint */
	struct manifest *manifest;
	struct run run;
	bool dirty;    /* the manifest on disk, or the one being written, lacks something */
	bool reported; /* it was reported that the manifest cannot be written */
	bool full; /* the manifest has its greatest size, and a gap says so: no facts are added */
	struct applied applied; /* facts that were added before */
};

LIST_HEAD(application_list, application);
struct applications {
	struct application_list list;
	unsigned count;
	int directory; /* of manifests */
	int reported;  /* why it could not be opened; 0: it is open */
	bool moved;    /* it was reported that another directory has its name */
	int lock;      /* keeps a second daemon out, which would overwrite our files; -1: none */
};

/* The name of an application's manifest file. */
void application_file(
	const char *name, const char *version, char ret[static APPLICATION_FILE_SIZE]);
/* Opens the directory of manifests, which is made if necessary, and locks it. 0 or a negative
 * errno, which is reported. */
int applications_init(struct aggregator *daemon);
void applications_deinit(struct aggregator *daemon);
/* After manifests could not be written: makes and opens the directory again if it was removed, for
 * all that is known of applications in memory. */
void applications_follow(struct aggregator *daemon);
/* How many have something that is not in their manifest on disk. */
size_t applications_dirty(const struct aggregator *daemon);
/* Does the directory's name lead elsewhere by now? May wait for a file system. */
bool applications_moved(const struct aggregator *daemon);
/* Says so, once. */
void applications_report_moved(struct aggregator *daemon, bool moved);

/* Finds or makes the application of a hello's name and version, for a process of this user; it
 * continues from its manifest on disk. 0: with a reference; -EACCES: the policy forbids it;
 * -EUSERS: the user has too many now (reported); -ENOMEM; others: the manifest cannot be read
 * (reported). */
int applications_get(struct aggregator *daemon, uint32_t user, const char *name,
	const char *version, struct application **ret);
void application_unref(struct application *application);

/* Adds a gap to the application that a user's hello names, which need not have a session. ended_ns:
 * when its program ended; 0: not known. Not while manifests are being written. 0 or a negative
 * errno. */
int application_gap(struct aggregator *daemon, uint32_t user, const Footprint__Hello *hello,
	uint64_t ended_ns, const char *kind, const char *detail, uint64_t count);

/* Is the manifest full? If it becomes full now, it gets a gap. 1, 0 or -ENOMEM. */
int application_is_full(struct application *application);
/* The manifest was too large to be written: goes back to the one on disk, with a gap. 0 or a
 * negative errno. */
int application_go_back(struct application *application);

/* Ends runs that are over, and frees applications that are not in use. */
void applications_tick(struct aggregator *daemon);
/* Is a run over that could not be ended yet, for want of memory? */
bool applications_ending(const struct aggregator *daemon);

#endif
