#include "aggregator/roots/lexical.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

char *lexical_tidy(const char *path)
{
	char *tidy = malloc(strlen(path) + 2);
	size_t used = 0;

	if (!tidy)
		return NULL;
	while (*path) {
		size_t size = strcspn(path, "/");

		if (size == 2 && !memcmp(path, "..", 2)) {
			while (used && tidy[--used] != '/')
				;
		} else if (size && !(size == 1 && *path == '.')) {
			tidy[used++] = '/';
			memcpy(tidy + used, path, size);
			used += size;
		}
		path += size + (path[size] == '/');
	}
	if (!used)
		tidy[used++] = '/';
	tidy[used] = '\0';
	return tidy;
}

char *lexical_join(const char *base, const char *name, size_t size)
{
	size_t base_size = size && name[0] == '/' ? 0 : strlen(base);
	char *joined;

	if (base_size + size + 2 > RAW_PATH_SIZE_MAX) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	joined = malloc(base_size + size + 2);
	if (!joined)
		return NULL;
	memcpy(joined, base, base_size);
	if (base_size && joined[base_size - 1] != '/')
		joined[base_size++] = '/';
	memcpy(joined + base_size, name, size);
	joined[base_size + size] = '\0';
	return joined;
}

/* Is the canonical `path` within `directory` (which has no slash at its end), or is it that
 * directory? */
static bool is_within(const char *path, const char *directory)
{
	size_t size = strlen(directory);

	return !strncmp(path, directory, size) && (path[size] == '\0' || path[size] == '/');
}

static bool own_device(const char *path)
{
	return is_within(path, "/dev/pts") || !strncmp(path, "/dev/tty", 8) ||
	       is_within(path, "/dev/fd") || !strcmp(path, "/dev/stdin") ||
	       !strcmp(path, "/dev/stdout") || !strcmp(path, "/dev/stderr");
}

static bool own_library(const char *path)
{
	const char *name = strrchr(path, '/');

	return name && !strcmp(name + 1, "libfootprint.so");
}

bool lexical_left_out(const char *path)
{
	return is_within(path, "/proc") || is_within(path, "/sys") || own_device(path) ||
	       own_library(path);
}
