/* The entries of LD_PRELOAD: paths and names, separated by colons and spaces. */
#ifndef FOOTPRINT_PRELOAD_PRELOADS_H
#define FOOTPRINT_PRELOAD_PRELOADS_H

#include <stdbool.h>

#include "preload/span.h"

static inline bool preloads_separates(char c)
{
	return c == ':' || c == ' ';
}

/* The next entry of a value, from *at on; moves *at behind it. False: there are no more. */
bool preloads_next(const char **at, struct span *ret_entry);

/* Is this path one of the entries, letter for letter? Without a value (NULL) there are none. */
bool preloads_hold(const char *value, const char *path);

/* Does one of the entries name a file of this name, in whatever folder? */
bool preloads_hold_file(const char *value, const char *name);

#endif
