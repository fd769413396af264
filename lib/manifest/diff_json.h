/* A diff as JSON: the shape that footprint-diff(1) promises. */
#ifndef FOOTPRINT_MANIFEST_DIFF_JSON_H
#define FOOTPRINT_MANIFEST_DIFF_JSON_H

#include <stdio.h>

#include "lib/manifest/diff.h"

/* Errors stay in the stream. */
void diff_write_json(const struct diff *diff, FILE *out);

#endif
