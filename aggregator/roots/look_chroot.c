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

struct below {
	struct outside outside;
	struct look_tools *tools;
	const char *root;
};

static int put_below(struct outside *outside, char **path, struct look_tools **ret_packages)
{
	const char *root = ((struct below *)outside)->root;
	bool is_root = !strcmp(*path, "/");
	char *below;

	*ret_packages = ((struct below *)outside)->tools;
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

/* --- the look --------------------------------------------------------------------------------- */

static int look_inside(
	struct look_tools *tools, struct look *look, const struct look_request *request)
{
	struct look_request inside = *request;

	inside.raw += request->root_size;
	if (!*inside.raw)
		inside.raw = "/";
	inside.root_size = 0;
	return look_with(tools, &tools->inner->tools, look, &inside);
}

int look_in_chroot(struct look_tools *tools, struct look *look, const struct look_request *request)
{
	autofree char *raw = strndup(request->raw, request->root_size);
	struct below below = { .outside = { .rename = put_below }, .tools = tools };
	int r = raw ? inner_root_get(tools, raw) : -ENOMEM;

	if (r == -ENOENT)
		return look_into(tools, look, request);
	if (r == 0)
		r = look_inside(tools, look, request);
	if (r < 0)
		return r;
	below.root = tools->inner->path;
	return look_put_outside(tools, look, &below.outside);
}
