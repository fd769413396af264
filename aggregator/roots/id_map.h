/*
 * The numbers that users and groups have in a container with a user namespace of its own
 * (user_namespaces(7)): what it calls 0 is another user to the rest of the machine, and a different
 * one in each container. A manifest has them as the container does.
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

/* What `id`, as it is here, is called inside; of one that is nobody's there, what the kernel says
 * for it. */
uint32_t id_map_inside(const struct id_map *map, uint32_t id);

/* The map in /proc/PID/NAME. 0; -E2BIG: of more ranges; another negative errno. */
int id_map_read(int pid, const char *name, struct id_map *ret);

#endif
