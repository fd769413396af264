#include "lib/package/directories.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"

void package_directories_deinit(struct package_directories *directories)
{
	for (size_t i = 0; i < directories->size; i++)
		free(directories->canonical[i]);
	free(directories->canonical);
	strings_deinit(&directories->names);
}

int package_directory_add(
	struct package_directories *directories, struct span text, uint32_t *ret_number)
{
	struct interned last = strings_at(&directories->names, directories->last);

	if (last.size != text.size || memcmp(last.bytes, text.bytes, text.size)) {
		if (strings_add(&directories->names, text.bytes, text.size, &directories->last) < 0)
			return -ENOMEM;
		if (directories->names.arena.total > PACKAGE_DIRECTORIES_MAX)
			return -E2BIG;
	}
	*ret_number = directories->last;
	return 0;
}

/* Looks for `text` below a directory that is resolved already. Lists name a directory before what
 * is in it, and most names really are directories, not symlinks. *ret stays NULL if this one is
 * something else. 0 or -ENOMEM. */
static int find_below_known(const struct package_directories *directories,
	struct resolver *resolver, struct span text, char **ret)
{
	const char *slash = memrchr(text.bytes, '/', text.size);
	size_t parent_size = slash ? (size_t)(slash - text.bytes) : 0;
	uint32_t number = strings_find(&directories->names, text.bytes, parent_size);
	const char *parent = number < directories->size ? directories->canonical[number] : NULL;
	autofree char *path = NULL;

	if (!slash || !parent || !parent_size)
		return 0;
	if (asprintf(&path, "%s%.*s", parent, (int)(text.size - parent_size), slash) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (resolver_is_directory(resolver, path))
		*ret = steal_pointer(path);
	return 0;
}

/* The path below the place where its first part really was when the lists were read. NULL: that is
 * not known, or there is no memory. */
static char *below_first(const struct package_directories *directories, struct span text)
{
	const char *slash = memchr(text.bytes, '/', text.size);
	size_t size = slash ? (size_t)(slash - text.bytes) : 0;
	uint32_t number = strings_find(&directories->names, text.bytes, size);
	const char *first = number < directories->size ? directories->canonical[number] : NULL;
	char *path;

	if (!slash || !first ||
		asprintf(&path, "%s%.*s", first, (int)(text.size - size), slash) < 0)
		return NULL;
	return path;
}

/* Where the directory `text` really is, or would be if it is gone by now. NULL: there is no memory,
 * or no descriptor. */
static char *resolve(
	const struct package_directories *directories, struct resolver *resolver, struct span text)
{
	autofree char *raw = malloc(text.size + 2), *path = NULL;
	struct resolution where;
	bool missing;
	int code;

	if (!raw)
		return NULL;
	raw[0] = '/';
	memcpy(raw + 1, text.bytes, text.size);
	raw[text.size + 1] = '\0';
	code = resolver_resolve(resolver, NULL, raw, true, &where);
	if (code == -ENOMEM || code == -EMFILE || code == -ENFILE)
		return NULL;
	if (code < 0)
		return steal_pointer(raw);
	path = steal_pointer(where.path);
	missing = where.error;
	resolution_deinit(&where);
	if (!strcmp(path, "/"))
		path[0] = '\0';
	if (missing) {
		char *below = below_first(directories, text);

		if (below)
			return below;
	}
	return steal_pointer(path);
}

static int make_room(struct package_directories *directories)
{
	size_t size = (size_t)directories->names.count + 1;
	char **canonical;

	if (size <= directories->size)
		return 0;
	canonical = realloc(directories->canonical, size * sizeof(*canonical));
	if (!canonical)
		return -ENOMEM;
	memset(canonical + directories->size, 0, (size - directories->size) * sizeof(*canonical));
	directories->canonical = canonical;
	directories->size = size;
	return 0;
}

const char *package_directory_canonical(
	struct package_directories *directories, struct resolver *resolver, uint32_t number)
{
	struct interned name = strings_at(&directories->names, number);
	struct span text = { name.bytes, name.size };

	if (make_room(directories) < 0)
		return NULL;
	if (!directories->canonical[number] &&
		find_below_known(directories, resolver, text, &directories->canonical[number]) < 0)
		return NULL;
	if (!directories->canonical[number])
		directories->canonical[number] = resolve(directories, resolver, text);
	return directories->canonical[number];
}

int package_directories_begin(struct package_directories *directories, struct resolver *resolver)
{
	for (uint32_t number = 1; number <= directories->names.count; number++) {
		struct interned name = strings_at(&directories->names, number);

		if (!memchr(name.bytes, '/', name.size) &&
			!package_directory_canonical(directories, resolver, number))
			return -ENOMEM;
	}
	return 0;
}
