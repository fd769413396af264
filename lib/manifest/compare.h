/* How two entries of one kind differ. A part of diff.c. */
#ifndef FOOTPRINT_MANIFEST_COMPARE_H
#define FOOTPRINT_MANIFEST_COMPARE_H

#include "lib/manifest/diff.h"

struct comparison {
	const Footprint__Manifest *before;
	const Footprint__Manifest *after;
	uint32_t *program; /* as in struct diff */
};

/* Return bits of enum difference: those of the entry, and for programs and libraries those of their
 * file, too. */
uint32_t compare_programs(const struct comparison *c, const Footprint__Executable *before,
	const Footprint__Executable *after);
uint32_t compare_libraries(const struct comparison *c, const Footprint__Library *before,
	const Footprint__Library *after);
uint32_t compare_files(
	const struct comparison *c, const Footprint__File *before, const Footprint__File *after);
uint32_t compare_endpoints(const struct comparison *c, const Footprint__Endpoint *before,
	const Footprint__Endpoint *after);
uint32_t compare_missing(const struct comparison *c, const Footprint__Missing *before,
	const Footprint__Missing *after);

#endif
