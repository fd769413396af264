/*
 * Heard: which programs said hello lately, under whichever application.
 *
 * A process may give the programs that it starts another FOOTPRINT_APP. What it executed is in its
 * own application's manifest, and the image that follows in another one's. So when a run ends, a
 * program that was executed and never heard of in it is looked for here: in the roots where the run
 * was, since it began. Only then it is a gap.
 */
#ifndef FOOTPRINT_AGGREGATOR_MANIFESTS_HEARD_H
#define FOOTPRINT_AGGREGATOR_MANIFESTS_HEARD_H

#include <stdint.h>

#include "lib/base/table.h"
#include "lib/manifest/manifest.h"

/* Programs remembered. Past it all are forgotten: a gap too many is better than one too few. */
#define HEARD_MAX 65536u

struct aggregator;
struct application;
struct session;

/* Of a root, as the spool tells it too: without its mount. */
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
/* How a program was watched that said hello, in whichever application, while the run of this one
 * went on, and where it was; WATCHED_NONE: none did. */
Footprint__Watched heard_elsewhere(const struct application *application, const char *path);

#endif
