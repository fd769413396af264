/* Reads a command's manifests: from files, and from standard input where `-` is given. */
#ifndef FOOTPRINT_TOOLS_INPUT_H
#define FOOTPRINT_TOOLS_INPUT_H

#include "lib/manifest/manifest.h"

/* Reads the manifest, whose sorted lists are *ret_view (which may be NULL). 0, or EXIT_TROUBLE, and
 * it has been said why. */
int input_read(const char *path, struct manifest **ret, const Footprint__Manifest **ret_view);

/* What messages call it. */
const char *input_name(const char *path);

#endif
