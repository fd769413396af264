#include "aggregator/roots/id_map.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "lib/base/cleanup.h"

#define NOBODY 65534u /* /proc/sys/kernel/overflowuid, which nobody changes */

uint32_t id_map_inside(const struct id_map *map, uint32_t id)
{
	if (!map->n_ranges)
		return id;
	for (unsigned i = 0; i < map->n_ranges; i++) {
		const struct id_range *range = &map->ranges[i];

		if (id - range->outside < range->count)
			return id - range->outside + range->inside;
	}
	return NOBODY;
}

int id_map_read(int pid, const char *name, struct id_map *ret)
{
	struct id_map map = { 0 };
	struct id_range range;
	char path[64];
	autofclose FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (fscanf(file, "%" SCNu32 "%" SCNu32 "%" SCNu32, &range.inside, &range.outside,
		       &range.count) == 3) {
		if (map.n_ranges == ID_RANGES_MAX)
			return -E2BIG;
		map.ranges[map.n_ranges++] = range;
	}
	if (ferror(file) || !map.n_ranges)
		return -ENODATA;
	*ret = map;
	return 0;
}
