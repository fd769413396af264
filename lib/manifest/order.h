/* Orders of a manifest's tables, in which view.c writes its lists. Private to lib/manifest. */
#ifndef FOOTPRINT_MANIFEST_ORDER_H
#define FOOTPRINT_MANIFEST_ORDER_H

#include "lib/manifest/model.h"

/* The places of a table's entries in canonical order, and the rank of each place in that order. */
struct order {
	uint32_t *places;
	uint32_t *ranks;
	uint32_t count;
};

typedef int compare_entries(const struct manifest *m, const void *a, const void *b);

/* Memory comes from the arena. 0 or -ENOMEM. */
int order_make(const struct manifest *m, const struct table *table, compare_entries *compare,
	struct arena *arena, struct order *ret);

/* The entries of a table of pairs, uses or loaders, gathered by their owner: those of owner `o`
 * are places[first[o]] up to places[first[o + 1]], in canonical order of what they point to. */
struct groups {
	uint32_t *places;
	uint32_t *first;
};

/* by_rank: the rank of each executable, by its place. */
int groups_make(const struct manifest *m, const struct table *table, uint32_t n_owners,
	const uint32_t *by_rank, struct arena *arena, struct groups *ret);

compare_entries order_by_path;	    /* executables, files, libraries, missing */
compare_entries order_of_packages;  /* manager, name, version, architecture */
compare_entries order_of_endpoints; /* operation, address */
compare_entries order_of_gaps;	    /* kind, path, detail */
compare_entries order_of_runs;	    /* host, start */

#endif
