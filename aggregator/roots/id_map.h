/*
 * The numbers that users and groups have in a container with a user namespace of its own
 * (user_namespaces(7)). What the container calls 0 is another user for the rest of the machine, and
 * a different one for each container. A manifest has the container's numbers.
 */
#ifndef FOOTPRINT_AGGREGATOR_ROOTS_ID_MAP_H
#define FOOTPRINT_AGGREGATOR_ROOTS_ID_MAP_H

#include <stdint.h>

#define ID_RANGES_MAX 16u /* the kernel takes 340; container engines make three at most */

struct id_range {
	uint32_t inside, outside, count;
};

struct id_map {
	unsigned n_ranges; /* 0: there is no map, numbers are the same */
	struct id_range ranges[ID_RANGES_MAX];
};

/* The number inside the container of `id`, which is a number here. For an id that the container
 * does not have, the kernel's overflow id. */
uint32_t id_map_inside(const struct id_map *map, uint32_t id);

/* Reads the map in /proc/PID/NAME. 0; -E2BIG: it has more ranges; another negative errno. */
int id_map_read(int pid, const char *name, struct id_map *ret);

#endif
