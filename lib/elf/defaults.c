#include "lib/elf/defaults.h"

#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/root/content.h"

#define GLIBC_USUAL	   "/lib64:/usr/lib64:/lib:/usr/lib"
#define MUSL_USUAL	   "/lib:/usr/local/lib:/usr/lib"
#define DIRECTORY_SIZE_MAX 1024u

/*
 * The size of the string at `text`, with its NUL, if it may be a built-in library directory;
 * otherwise 0.
 */
static size_t directory_size(const char *text, const char *end)
{
	size_t left = (size_t)(end - text);
	size_t size = strnlen(text, left < DIRECTORY_SIZE_MAX ? left : DIRECTORY_SIZE_MAX);

	if (size < 3 || size == left || size == DIRECTORY_SIZE_MAX)
		return 0;
	if (text[0] != '/' || text[size - 1] != '/' || !memmem(text, size, "/lib", 4))
		return 0;
	for (size_t i = 0; i < size; i++)
		if (text[i] <= ' ' || text[i] > '~' || text[i] == ':')
			return 0;
	return size + 1;
}

/* The size of the sequence of directories that begins at `text`. */
static size_t run_size(const char *text, const char *end)
{
	size_t size = 0, next;

	while ((next = directory_size(text + size, end)))
		size += next;
	return size;
}

/* "/lib/\0/usr/lib/\0" becomes "/lib:/usr/lib". */
static char *join(const char *run, size_t size)
{
	char *list = malloc(size), *to = list;

	if (!list)
		return NULL;
	for (size_t i = 0; i < size; i++) {
		if (run[i] == '/' && run[i + 1] == '\0')
			continue;
		*to++ = run[i] ? run[i] : ':';
	}
	to[-1] = '\0';
	return list;
}

int defaults_of_glibc(struct resolver *r, const char *interpreter, char **ret)
{
	autofree char *linker = NULL;
	const char *at, *end, *best = NULL;
	size_t size = 0, best_size = 0;
	int code = content_read(r, interpreter, LINKER_SIZE_MAX, &linker, &size);

	if (code < 0 && (code = content_failure(code)) != -ENOENT)
		return code;
	at = linker;
	end = linker ? at + size : NULL;
	while (at && (at = memchr(at, '/', (size_t)(end - at)))) {
		size_t run = run_size(at, end);

		if (run > best_size) {
			best_size = run;
			best = at;
		}
		at += run ? run : 1;
	}
	*ret = best ? join(best, best_size) : strdup(GLIBC_USUAL);
	return *ret ? 0 : -ENOMEM;
}

/*
 * musl considers the parent of its own directory the prefix of its installation:
 * /lib/ld-musl-x86_64.so.1 reads /etc/ld-musl-x86_64.path. NULL: this is not a name of musl's
 * linker, or there is no memory.
 */
static char *path_file(const char *interpreter)
{
	const char *name = strrchr(interpreter, '/'), *above, *dot;
	char *path = NULL;

	if (!name || strncmp(name + 1, "ld-musl-", 8))
		return NULL;
	dot = strchr(name, '.');
	above = memrchr(interpreter, '/', (size_t)(name - interpreter));
	if (!dot || asprintf(&path, "%.*s/etc/%.*s.path", above ? (int)(above - interpreter) : 0,
			    interpreter, (int)(dot - name - 1), name + 1) < 0)
		return NULL;
	return path;
}

int defaults_of_musl(struct resolver *r, const char *interpreter, char **ret)
{
	autofree char *path = path_file(interpreter);
	char *list = NULL;
	size_t size;
	int code = path ? content_read(r, path, MUSL_PATH_SIZE_MAX, &list, &size) : -ENOENT;

	if (code < 0 && (code = content_failure(code)) != -ENOENT)
		return code;
	*ret = code == 0 ? list : strdup(MUSL_USUAL);
	return *ret ? 0 : -ENOMEM;
}
