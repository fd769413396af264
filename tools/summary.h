/* A manifest in a few lines: the beginning of `show`, and what `run` prints at its end. */
#ifndef FOOTPRINT_TOOLS_SUMMARY_H
#define FOOTPRINT_TOOLS_SUMMARY_H

#include <stdio.h>

#include "proto/manifest.pb-c.h"

/* Prints application, completeness, runs, counts and bytes, each on a line that is not indented.
 * Colours are used only if `out` is a terminal. */
void summary_print(FILE *out, const Footprint__Manifest *m);

#endif
