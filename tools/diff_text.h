/* A diff for people. */
#ifndef FOOTPRINT_TOOLS_DIFF_TEXT_H
#define FOOTPRINT_TOOLS_DIFF_TEXT_H

#include <stdio.h>

#include "lib/manifest/diff.h"

/* One line: "shop 1.3 -> 1.4: 1 library changed; 2 files added, 1 removed". */
void diff_print_summary(const struct diff *diff, FILE *out);

/* The changes, group by group; without `all`, of long groups only those that say most, and
 * how many others there are. */
void diff_print_changes(const struct diff *diff, FILE *out, bool all);

#endif
