/* From what a person types to a manifest's entry: a part of why.c. */
#ifndef FOOTPRINT_MANIFEST_LOOKUP_H
#define FOOTPRINT_MANIFEST_LOOKUP_H

#include "lib/manifest/why.h"

/* Follows the symlinks that the manifest knows, component by component, "." and ".." too; fills
 * why->path and why->links. 0 or -ENOMEM. `path` is absolute. */
int lookup_resolve(const Footprint__Manifest *m, const char *path, struct why *why);

/*
 * Undoes the escapes in a name: \xHH becomes the byte HH, as in the text that commands print; and
 * with `doubled`, two backslashes become one, as in JSON. NULL: there is no escape in it, or the
 * arena has no memory.
 */
const char *lookup_unescape(const char *name, bool doubled, struct arena *arena);

/* Fills why->suggestions for what was not found. */
void lookup_suggest(const Footprint__Manifest *m, const char *what, struct why *why);

#endif
