/* Looks for a library in the places that search.c has prepared. */
#include "lib/elf/search.h"

#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/elf/tokens.h"
#include "lib/root/content.h"

/* glibc skips objects of another class or machine, and goes on; musl takes the first one. */
static bool acceptable(const struct search *search, const struct elf_info *info)
{
	if (info->kind != PROGRAM_ELF)
		return false;
	return search->musl || (info->is_64 == search->is_64 && info->machine == search->machine &&
				       info->big_endian == search->big_endian);
}

static int describe_at(struct search *search, const char *canonical, struct elf_info *ret)
{
	autoclose int fd = resolver_open(search->resolver, canonical, NULL);
	struct elf_info info;
	int code;

	if (fd < 0)
		return content_failure(fd);
	code = elf_describe(fd, &info, NULL);
	if (code < 0)
		return code == -EBADMSG ? -ENOEXEC : code;
	if (!acceptable(search, &info)) {
		elf_info_deinit(&info);
		return -ENOEXEC;
	}
	*ret = info;
	return 0;
}

int search_try(struct search *search, const char *path, struct loaded *object)
{
	struct resolution where;
	autofree char *found = NULL;
	int code;

	if (path[0] != '/')
		return -ENOENT; /* relative to a working directory that is not known */
	if (search->tries++ >= SEARCH_TRIES_MAX)
		return -E2BIG;
	code = resolver_resolve(search->resolver, NULL, path, true, &where);
	if (code < 0)
		return content_failure(code);
	code = where.error ? content_failure(where.error)
			   : describe_at(search, where.path, &object->info);
	if (code == 0) {
		found = strdup(path);
		if (!found)
			code = -ENOMEM;
	}
	if (code == 0) {
		object->found = steal_pointer(found);
		object->canonical = steal_pointer(where.path);
		object->device = where.status.st_dev;
		object->inode = where.status.st_ino;
	}
	resolution_deinit(&where);
	return code;
}

/* Does the search go on after this result for one candidate? */
static bool goes_on(int code)
{
	return code == -ENOENT || code == -ENOEXEC;
}

static int try_below(struct search *search, const char *directory, size_t size, const char *below,
	const char *name, struct loaded *object)
{
	autofree char *path = NULL;

	if (asprintf(&path, "%.*s/%s%s", (int)size, directory, below, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return search_try(search, path, object);
}

/* Tries one directory; with glibc, first its subdirectories for newer processors. */
static int try_directory(struct search *search, const char *directory, size_t size,
	const char *name, struct loaded *object)
{
	int level = search->musl ? 0 : search->level, code;
	char below[] = "glibc-hwcaps/x86-64-vN/";

	while (size && directory[size - 1] == '/')
		size--;
	for (; level >= 2; level--) {
		below[sizeof(below) - 3] = (char)('0' + level);
		code = try_below(search, directory, size, below, name, object);
		if (!goes_on(code))
			return code;
	}
	return try_below(search, directory, size, "", name, object);
}

/* Tries one directory of a list as it stands in the object `owner`. Expanding it takes time, too,
 * so it counts for the limit. */
static int try_element(struct search *search, const char *element, size_t size,
	const struct loaded *owner, const char *name, struct loaded *object)
{
	autofree char *raw = NULL, *directory = NULL;
	int code;

	if (search->tries++ >= SEARCH_TRIES_MAX)
		return -E2BIG;
	raw = strndup(element, size);
	if (!raw)
		return -ENOMEM;
	code = tokens_expand(raw, owner->found, search->lib, &directory);
	return code < 0 ? code : try_directory(search, directory, strlen(directory), name, object);
}

/*
 * Tries a list of directories from the object `owner`, which may contain $ORIGIN and the like.
 * glibc splits the list first, so that $ORIGIN may be a directory with a colon in its name; musl
 * expands it first, and lets lines separate directories, too.
 */
static int try_list(struct search *search, const char *list, const struct loaded *owner,
	const char *name, struct loaded *object)
{
	const char *separators = search->musl ? ":\n" : ":";
	autofree char *expanded = NULL;
	int code = 0;

	if (!list || !owner->found)
		return -ENOENT;
	if (search->musl)
		code = tokens_expand(list, owner->found, NULL, &expanded);
	if (code < 0)
		return code;
	for (const char *at = search->musl ? expanded : list;; at++) {
		size_t size = strcspn(at, separators);

		if (size) {
			code = search->musl ? try_directory(search, at, size, name, object)
					    : try_element(search, at, size, owner, name, object);
			if (!goes_on(code))
				return code;
		}
		at += size;
		if (!*at)
			return -ENOENT;
	}
}

/* Tries DT_RPATH of the object and of all objects that led to it. An object's RUNPATH voids its
 * RPATH. */
static int try_rpaths(
	struct search *search, const char *name, const struct loaded *loader, struct loaded *object)
{
	for (; loader; loader = loader->loader) {
		const struct elf_info *info = &loader->info;
		int code =
			try_list(search, info->runpath ? NULL : info->rpath, loader, name, object);

		if (!goes_on(code))
			return code;
	}
	return -ENOENT;
}

static int try_defaults(struct search *search, const char *name, struct loaded *object)
{
	for (size_t i = 0; i < search->n_defaults; i++) {
		const char *directory = search->defaults[i];
		int code = try_directory(search, directory, strlen(directory), name, object);

		if (!goes_on(code))
			return code;
	}
	return -ENOENT;
}

static bool in_defaults(const struct search *search, const char *path)
{
	for (size_t i = 0; i < search->n_defaults; i++) {
		size_t size = strlen(search->defaults[i]);

		if (!strncmp(path, search->defaults[i], size) && path[size] == '/')
			return true;
	}
	return false;
}

static int try_cache(
	struct search *search, const char *name, bool no_defaults, struct loaded *object)
{
	const char *path;

	if (!search->cache.bytes)
		return -ENOENT;
	search->tries += search->cache.n_entries / SEARCH_CACHE_ENTRIES;
	path = ld_cache_find(&search->cache, name, search->cache_flags, search->level);
	if (!path || (no_defaults && in_defaults(search, path)))
		return -ENOENT;
	return search_try(search, path, object);
}

static int find_as_glibc(
	struct search *search, const char *name, const struct loaded *loader, struct loaded *object)
{
	bool no_defaults = loader->info.no_default_paths;
	int code = -ENOENT;

	if (!loader->info.runpath)
		code = try_rpaths(search, name, loader, object);
	if (goes_on(code))
		code = try_list(search, loader->info.runpath, loader, name, object);
	if (goes_on(code))
		code = try_cache(search, name, no_defaults, object);
	if (goes_on(code) && !no_defaults)
		code = try_defaults(search, name, object);
	return code;
}

/* Is this a library that musl itself provides? libc, libm, libpthread and others are all one. */
static bool is_musl_itself(const char *name)
{
	static const char *const names[] = { "c.", "pthread.", "rt.", "m.", "dl.", "util.",
		"xnet." };

	if (strncmp(name, "lib", 3))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strncmp(name + 3, names[i], strlen(names[i])))
			return true;
	return false;
}

/* musl makes no difference between RPATH and RUNPATH; both are inherited. */
static int find_as_musl(
	struct search *search, const char *name, const struct loaded *loader, struct loaded *object)
{
	if (is_musl_itself(name))
		return search_try(search, search->interpreter, object);
	for (; loader; loader = loader->loader) {
		const struct elf_info *info = &loader->info;
		int code = try_list(
			search, info->runpath ? info->runpath : info->rpath, loader, name, object);

		if (!goes_on(code))
			return code;
	}
	return try_defaults(search, name, object);
}

int search_find(
	struct search *search, const char *name, const struct loaded *loader, struct loaded *object)
{
	autofree char *expanded = NULL;
	int code;

	if (!strchr(name, '/')) {
		code = (search->musl ? find_as_musl : find_as_glibc)(search, name, loader, object);
		return goes_on(code) ? -ENOENT : code;
	}
	if (search->musl || !loader->found)
		return search_try(search, name, object);
	code = tokens_expand(name, loader->found, search->lib, &expanded);
	return code < 0 ? code : search_try(search, expanded, object);
}
