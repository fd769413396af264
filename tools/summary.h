/* A manifest in a few lines: the head of `show`, and what `run` says at its end. */
#ifndef FOOTPRINT_TOOLS_SUMMARY_H
#define FOOTPRINT_TOOLS_SUMMARY_H

#include <stdio.h>

#include "proto/manifest.pb-c.h"

/* Application, completeness, runs, counts and bytes; each line indented by nothing and ended by a
 * newline. Colours only where `out` is a terminal. */
void summary_print(FILE *out, const Footprint__Manifest *m);

#endif
