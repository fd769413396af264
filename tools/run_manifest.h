/* The manifest of a run: what its aggregator has written, and the program that was named. */
#ifndef FOOTPRINT_TOOLS_RUN_MANIFEST_H
#define FOOTPRINT_TOOLS_RUN_MANIFEST_H

#include "lib/base/error.h"
#include "lib/manifest/manifest.h"
#include "tools/run_find.h"

/* Adds all manifests in the directory, and makes sure that the program is in the manifest, watched
 * or as a gap. Nothing is added for a directory that does not exist. 0, or a negative errno with
 * err. */
int run_manifest_fill(struct manifest *m, const char *directory, const struct program *program,
	struct error *err);

#endif
