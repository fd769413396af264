/* The paths of a root that sessions have named, each once, and what is known of them. */
#include <stdlib.h>
#include <string.h>

#include "aggregator/roots/root.h"
#include "lib/base/hash.h"

static bool path_matches(const void *item, const void *key)
{
	const struct path *path = item;
	const struct path_name *wanted = key;

	return path->follow == wanted->follow && path->root_size == wanted->root_size &&
	       path->entered == wanted->entered && !strcmp(path->raw, wanted->raw);
}

static void path_free(struct path *path)
{
	look_unref(path->look);
	entered_unref(path->entered);
	free(path);
}

struct path *root_path(struct root *root, const struct path_name *name)
{
	size_t size = strlen(name->raw);
	uint32_t hash = hash_bytes(name->raw, size) + name->follow + 2 * (uint32_t)name->root_size +
			(uint32_t)((uintptr_t)name->entered >> 4);
	struct path *path = index_find(&root->paths, hash, path_matches, name);

	if (!path) {
		path = calloc(1, sizeof(*path) + size + 1);
		if (!path)
			return NULL;
		path->hash = hash;
		path->size = (uint32_t)size;
		path->root_size = name->root_size;
		path->follow = name->follow;
		memcpy(path->raw, name->raw, size);
		if (index_add(&root->paths, hash, path) < 0) {
			free(path);
			return NULL;
		}
		path->entered = entered_ref(name->entered);
		root->n_paths += path_units(path);
	}
	path->references++;
	return path;
}

/* Paths that nobody uses stay, with their looks, until there are too many. */
void path_unref(struct path *path)
{
	if (path)
		path->references--;
}

void path_unref_unneeded(struct root *root, struct path *path)
{
	path_unref(path);
	if (!path || path->references || path->look || path->in_batch)
		return;
	index_remove(&root->paths, path->hash, path);
	root->n_paths -= path_units(path);
	path_free(path);
}

static void path_forget(struct root *root, struct path *path)
{
	if (path->look)
		root->n_looks -= path_units(path);
	look_unref(path->look);
	path->look = NULL;
}

void root_forget_looks(struct root *root)
{
	struct index kept = { 0 };
	uint32_t cursor = 0;
	struct path *path;

	while ((path = index_next(&root->paths, &cursor))) {
		path_forget(root, path);
		if ((path->references || path->in_batch) &&
			index_add(&kept, path->hash, path) < 0) {
			/* There is no memory for the smaller index, but the present one is still
			 * right. */
			index_deinit(&kept);
			return;
		}
	}
	cursor = 0;
	while ((path = index_next(&root->paths, &cursor)))
		if (!path->references && !path->in_batch) {
			root->n_paths -= path_units(path);
			path_free(path);
		}
	root->n_kept = root->n_paths;
	index_deinit(&root->paths);
	root->paths = kept;
}

void root_free_paths(struct root *root)
{
	uint32_t cursor = 0;
	struct path *path;

	while ((path = index_next(&root->paths, &cursor)))
		path_free(path);
	index_deinit(&root->paths);
}
