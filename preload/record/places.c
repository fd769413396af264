#include "preload/record/places.h"

#include "preload/record/directories.h"
#include "preload/record/held.h"

const char *place_below_root(const char *path)
{
	for (;;) {
		if (*path == '/')
			path++;
		else if (path[0] == '.' && path[1] == '.' && (path[2] == '/' || !path[2]))
			path += 2;
		else
			return *path ? path : ".";
	}
}

void place_behind_root(struct place *place, uint64_t from)
{
	uint64_t root = directory_root();
	/* A descriptor of it from before the chroot has the usual id. */
	bool from_root = root && from == image.root_directory && root == place_root_id(from);

	place->directory = *place->path == '/' || from_root ? root : from;
	if (root && place->directory == root)
		place->path = place_below_root(place->path);
}

bool place_find_below_held(struct place *ret, const struct held *held, const char *path)
{
	uint64_t directory;

	if (held->kind == HELD_ROOT)
		return place_find_from(ret, 0, held->rest - 1);
	directory = directory_of(held->fd);
	/* There is no such descriptor. (Behind a filter that cannot be known.) */
	if (directory == FP_DIRECTORY_UNKNOWABLE && !image.memory_only)
		return place_find_from(ret, 0, path);
	return place_find_from(ret, directory, held->rest);
}

bool place_find_from(struct place *ret, uint64_t from, const char *path)
{
	return place_find_from_inline(ret, from, path);
}

bool place_find(struct place *ret, int dirfd, const char *path)
{
	return place_find_inline(ret, dirfd, path);
}

bool place_stays(const char *path)
{
	while (path[0] == '/' || (path[0] == '.' && (path[1] == '/' || !path[1])))
		path++;
	return !*path;
}

uint64_t place_id(const struct place *place)
{
	/* What is below an unknown directory is unknown, too: no record would say what the id
	 * means. And a path that stays where it is gets no new id, or a loop of opening "." would
	 * never stop making them. */
	if (place->directory == FP_DIRECTORY_UNKNOWABLE ||
		(place->directory && place_stays(place->path)))
		return place->directory;
	return fp_directory_id(place->directory, place->path, place->size);
}

uint64_t place_root_id(uint64_t directory)
{
	return fp_directory_id(directory, "/", 1);
}
