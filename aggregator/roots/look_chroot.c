/*
 * Looks for a process in a chroot. They are made with a resolver whose root is the directory that
 * had become "/", so that symlinks with absolute targets, "..", interpreters and libraries lead
 * where they led that process. What is found is told as seen from the container's own root.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/roots/look_parts.h"
#include "lib/base/cleanup.h"
#include "lib/root/beneath.h"

struct inner_root {
	char *raw;		 /* the directory as the process named it */
	char *path;		 /* canonical, as seen from the container's root */
	struct look_tools tools; /* its own resolver; packages are asked for outside */
};

void inner_root_free(struct inner_root *inner)
{
	if (!inner)
		return;
	look_tools_deinit(&inner->tools);
	free(inner->raw);
	free(inner->path);
	free(inner);
}
DEFINE_CLEANUP(inner_root_freep, struct inner_root *, inner_root_free)

/* The canonical path of the directory `raw`. 0; -ENOENT: none is there; or our own trouble. */
static int find_directory(struct look_tools *tools, const char *raw, char **ret)
{
	struct resolution found;
	int r = resolver_resolve(tools->resolver, "/", raw, true, &found);

	if (r < 0)
		return r == -ENAMETOOLONG ? -ENOENT : r;
	if (found.error || !S_ISDIR(found.status.st_mode))
		r = -ENOENT;
	else
		*ret = steal_pointer(found.path);
	resolution_deinit(&found);
	return r;
}

/* 0; -ENOENT: there is no such directory any more; or our own trouble. */
static int inner_root_new(struct look_tools *tools, const char *raw, struct inner_root **ret)
{
	__attribute__((cleanup(inner_root_freep))) struct inner_root *inner =
		calloc(1, sizeof(*inner));
	autoclose int fd = -1;
	int r;

	if (!inner)
		return -ENOMEM;
	inner->raw = strdup(raw);
	if (!inner->raw)
		return -ENOMEM;
	r = find_directory(tools, raw, &inner->path);
	if (r < 0)
		return r;
	fd = beneath_open(resolver_root(tools->resolver), inner->path, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd == -ENOMEM || fd == -EMFILE || fd == -ENFILE ? fd : -ENOENT;
	inner->tools.no_packages = true;
	r = resolver_new(fd, &inner->tools.resolver);
	if (r < 0)
		return r;
	*ret = steal_pointer(inner);
	return 0;
}

/* The last one is kept: a process that has changed its root stays there. */
static int inner_root_get(struct look_tools *tools, const char *raw)
{
	if (tools->inner && !strcmp(tools->inner->raw, raw))
		return 0;
	inner_root_free(steal_pointer(tools->inner));
	return inner_root_new(tools, raw, &tools->inner);
}

/* --- as seen from the container's root -------------------------------------------------------- */

static int put_below(char **path, const char *root)
{
	bool is_root = !strcmp(*path, "/");
	char *below;

	if (!strcmp(root, "/"))
		return 0;
	below = malloc(strlen(root) + strlen(*path) + 1);
	if (!below)
		return -ENOMEM;
	strcpy(stpcpy(below, root), is_root ? "" : *path);
	free(*path);
	*path = below;
	return 0;
}

static int put_links_outside(struct look_tools *tools, struct look *look, const char *root)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < look->n_links; i++) {
		struct look_link *link = &look->links[i];

		r = put_below(&link->path, root);
		if (r == 0)
			r = look_fill_package(tools, link->path, &link->state, &link->owner);
	}
	return r;
}

static int put_closure_outside(struct elf_closure *closure, const char *root)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < closure->n_objects; i++)
		if (closure->objects[i].path)
			r = put_below(&closure->objects[i].path, root);
	return r;
}

static int put_outside(struct look_tools *tools, struct look *look, const char *root)
{
	int r = put_below(&look->path, root);

	if (r == 0 && look->has_state && look->state.type != FOOTPRINT__FILE_TYPE__TYPE_DIRECTORY)
		r = look_fill_package(tools, look->path, &look->state, &look->owner);
	if (r == 0)
		r = put_links_outside(tools, look, root);
	if (r == 0)
		r = put_closure_outside(&look->closure, root);
	if (r == 0 && look->interpreter)
		r = put_outside(tools, look->interpreter, root);
	return r;
}

/* --- the look --------------------------------------------------------------------------------- */

/* Digests are remembered by device and inode, whichever way a file was found. */
static int look_inside(
	struct look_tools *tools, struct look *look, const struct look_request *request)
{
	struct look_tools *inner = &tools->inner->tools;
	struct look_request inside = *request;
	int r;

	inside.raw += request->root_size;
	if (!*inside.raw)
		inside.raw = "/";
	inside.root_size = 0;
	inner->users = tools->users;
	inner->groups = tools->groups;
	inner->digests = tools->digests;
	r = look_into(inner, look, &inside);
	tools->digests = inner->digests;
	inner->digests = (struct digests){ 0 };
	return r;
}

int look_in_chroot(struct look_tools *tools, struct look *look, const struct look_request *request)
{
	autofree char *raw = strndup(request->raw, request->root_size);
	int r = raw ? inner_root_get(tools, raw) : -ENOMEM;

	if (r == -ENOENT)
		return look_into(tools, look, request);
	if (r == 0)
		r = look_inside(tools, look, request);
	return r < 0 ? r : put_outside(tools, look, tools->inner->path);
}
