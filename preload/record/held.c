#define _GNU_SOURCE
#include "preload/record/held.h"

#include <fcntl.h>

#include "preload/image.h"
#include "preload/record/directories.h"
#include "preload/record/facts.h"
#include "preload/text.h"

#define DELETED " (deleted)"
#define MEMFD	"/memfd:"

/* Moves *path behind `word`, if it begins with that. */
static bool skip(const char **path, const char *word)
{
	if (!text_begins(*path, word))
		return false;
	*path += text_length(word);
	return true;
}

/* Moves *path behind a number that makes up a whole component, and returns it. -1: there is
 * none. */
static int skip_number(const char **path)
{
	const char *p = *path;
	int number = 0;

	for (; *p >= '0' && *p <= '9' && number < 100000000; p++)
		number = number * 10 + (*p - '0');
	if (p == *path || (*p && *p != '/'))
		return -1;
	*path = p;
	return number;
}

/* Moves *path behind the calling process's own folder in /proc. */
static bool skip_own_folder(const char **path)
{
	if (skip(path, "self/") || skip(path, "thread-self/"))
		return true;
	return skip_number(path) == image.pid && skip(path, "/");
}

static bool find_descriptor(const char **path, struct held *ret)
{
	ret->kind = HELD_FD;
	ret->fd = skip_number(path);
	return ret->fd >= 0;
}

static bool find_kind(const char **path, struct held *ret)
{
	if (skip(path, "/dev/fd/"))
		return find_descriptor(path, ret);
	if (!skip(path, "/proc/") || !skip_own_folder(path))
		return false;
	if (skip(path, "fd/"))
		return find_descriptor(path, ret);
	ret->fd = AT_FDCWD;
	ret->kind = **path == 'c' ? HELD_WORKING_DIRECTORY : HELD_ROOT;
	return (skip(path, "cwd") || skip(path, "root")) && (!**path || **path == '/');
}

bool held_find_there(const char *path, struct held *ret)
{
	const char *p = path;

	if (!find_kind(&p, ret))
		return false;
	while (*p == '/')
		p++;
	ret->rest = p;
	return true;
}

static bool ends_with(const char *text, size_t size, const char *end)
{
	size_t end_size = text_length(end);

	return size >= end_size && text_equal(text + size - end_size, end);
}

bool held_is_nameless(const char *path, size_t size)
{
	return text_begins(path, MEMFD) || ends_with(path, size, DELETED);
}

bool held_path(const struct held *held, char *buffer, size_t size)
{
	long length = directory_path(held->fd, buffer, size);

	return length > 0 && !held_is_nameless(buffer, (size_t)length);
}

bool held_place(const struct held *held, struct place *ret, char *buffer, size_t size)
{
	if (held->kind == HELD_ROOT)
		return place_find_from(ret, 0, "/");
	return held_path(held, buffer, size) && directory_place(ret, buffer);
}
