/* The paths of a root that sessions have named, each once, and what is known of them. */
#include <stdlib.h>
#include <string.h>

#include "aggregator/roots/root.h"
#include "lib/base/hash.h"

struct path_key {
	const char *raw;
	size_t root_size;
	bool follow;
};

static bool path_matches(const void *item, const void *key)
{
	const struct path *path = item;
	const struct path_key *wanted = key;

	return path->follow == wanted->follow && path->root_size == wanted->root_size &&
	       !strcmp(path->raw, wanted->raw);
}

struct path *root_path(struct root *root, const char *raw, size_t root_size, bool follow)
{
	struct path_key key = { .raw = raw, .root_size = root_size, .follow = follow };
	size_t size = strlen(raw);
	uint32_t hash = hash_bytes(raw, size) + follow + 2 * (uint32_t)root_size;
	struct path *path = index_find(&root->paths, hash, path_matches, &key);

	if (!path) {
		path = calloc(1, sizeof(*path) + size + 1);
		if (!path)
			return NULL;
		path->hash = hash;
		path->size = (uint32_t)size;
		path->root_size = root_size;
		path->follow = follow;
		memcpy(path->raw, raw, size);
		if (index_add(&root->paths, hash, path) < 0) {
			free(path);
			return NULL;
		}
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
	free(path);
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
			free(path);
		}
	root->n_kept = root->n_paths;
	index_deinit(&root->paths);
	root->paths = kept;
}

void root_free_paths(struct root *root)
{
	uint32_t cursor = 0;
	struct path *path;

	while ((path = index_next(&root->paths, &cursor))) {
		look_unref(path->look);
		free(path);
	}
	index_deinit(&root->paths);
}
