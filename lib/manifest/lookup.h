/* From what a person types to a manifest's entry: a part of why.c. */
#ifndef FOOTPRINT_MANIFEST_LOOKUP_H
#define FOOTPRINT_MANIFEST_LOOKUP_H

#include "lib/manifest/why.h"

/* Follows the symlinks that the manifest knows, component by component, "." and ".." too; fills
 * why->path and why->links. 0 or -ENOMEM. `path` is absolute. */
int lookup_resolve(const Footprint__Manifest *m, const char *path, struct why *why);

/*
 * What a name is that stands escaped: \xHH is the byte HH, as in the text that commands print, and
 * where `doubled`, as in JSON, two backslashes are one. NULL where nothing in it is so, or the
 * arena has no memory.
 */
const char *lookup_unescape(const char *name, bool doubled, struct arena *arena);

/* Fills why->suggestions for what was not found. */
void lookup_suggest(const Footprint__Manifest *m, const char *what, struct why *why);

#endif
