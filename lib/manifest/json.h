/* A manifest as JSON: the shape that footprint-show(1) promises. */
#ifndef FOOTPRINT_MANIFEST_JSON_H
#define FOOTPRINT_MANIFEST_JSON_H

#include "lib/base/json.h"
#include "proto/manifest.pb-c.h"

/* Writes the whole, each entry of a list on a line of its own. Errors stay in the stream. */
void manifest_write_json(const Footprint__Manifest *m, FILE *out);

#endif
