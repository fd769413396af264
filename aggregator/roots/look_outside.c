/*
 * A look that was made with another root than the container's: tells the names that the container
 * has for what was found, and whose packages these are there.
 */
#include "aggregator/roots/look_parts.h"
#include "lib/base/cleanup.h"

/* Digests are remembered by device and inode, whichever way a file was found. */
int look_with(struct look_tools *tools, struct look_tools *inner, struct look *look,
	const struct look_request *request)
{
	int r;

	inner->users = tools->users;
	inner->groups = tools->groups;
	inner->digests = tools->digests;
	r = request->root_size ? look_in_chroot(inner, look, request)
			       : look_into(inner, look, request);
	tools->digests = inner->digests;
	inner->digests = (struct digests){ 0 };
	return r;
}

static int put_file(struct look_tools *tools, struct outside *outside, char **path,
	struct file_state *state, char **owner)
{
	struct look_tools *packages;
	int r = outside->rename(outside, path, &packages);

	if (r < 0 || !packages || !state || state->type == FOOTPRINT__FILE_TYPE__TYPE_DIRECTORY)
		return r;
	return packages == tools ? look_fill_package(tools, *path, state, owner)
				 : look_ask_package(packages, *path, state, owner);
}

static int put_links(struct look_tools *tools, struct look *look, struct outside *outside)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < look->n_links; i++) {
		struct look_link *link = &look->links[i];

		r = put_file(tools, outside, &link->path, &link->state, &link->owner);
	}
	return r;
}

static int put_closure(struct elf_closure *closure, struct outside *outside)
{
	struct look_tools *packages;
	int r = 0;

	for (size_t i = 0; r == 0 && i < closure->n_objects; i++)
		if (closure->objects[i].path)
			r = outside->rename(outside, &closure->objects[i].path, &packages);
	return r;
}

int look_put_outside(struct look_tools *tools, struct look *look, struct outside *outside)
{
	int r = put_file(
		tools, outside, &look->path, look->has_state ? &look->state : NULL, &look->owner);

	if (r == 0)
		r = put_links(tools, look, outside);
	if (r == 0)
		r = put_closure(&look->closure, outside);
	if (r == 0 && look->interpreter)
		r = look_put_outside(tools, look->interpreter, outside);
	return r;
}
