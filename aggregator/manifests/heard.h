/*
 * Heard: which programs have said hello lately, in any application.
 *
 * A process may start programs with another FOOTPRINT_APP. What it has executed is in its own
 * application's manifest, and the new image is in another one's. So when a run ends, a program that
 * was executed and never heard of in that run is looked for here: in the roots where the run was,
 * and since the run began. Only if it is not found is it a gap.
 */
#ifndef FOOTPRINT_AGGREGATOR_MANIFESTS_HEARD_H
#define FOOTPRINT_AGGREGATOR_MANIFESTS_HEARD_H

#include <stdint.h>

#include "lib/base/table.h"
#include "lib/manifest/manifest.h"

/* How many programs are remembered. Past this, all are forgotten: a gap too many is better than one
 * too few. */
#define HEARD_MAX 65536u

struct aggregator;
struct application;
struct session;

/* Identifies a root without its mount, as the spool does. */
struct root_name {
	uint64_t device, inode;
};

struct heard {
	struct table programs; /* by the hash of root and path */
};

void heard_init(struct aggregator *daemon);
void heard_deinit(struct aggregator *daemon);

/* The session is an image of this executable. 0 or -ENOMEM. */
int heard_note(struct session *session, const char *path);
/* How the program was watched that has said hello in any application, while and where the run of
 * this one was. WATCHED_NONE: none has. */
Footprint__Watched heard_elsewhere(const struct application *application, const char *path);

#endif
