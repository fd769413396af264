#include "lib/manifest/diff_marks.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/manifest/find.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Writes the shape of a text, in which each version number (digits, and dots between them) is one
 * '#', to `buffer`, which has room for `size` bytes. Returns its size. */
static size_t write_shape(const void *text, size_t size, char *buffer)
{
	const char *from = text;
	size_t at = 0, used = 0;

	while (at < size) {
		if (!is_digit(from[at])) {
			buffer[used++] = from[at++];
			continue;
		}
		while (at < size && (is_digit(from[at]) || (from[at] == '.' && at + 1 < size &&
								   is_digit(from[at + 1]))))
			at++;
		buffer[used++] = '#';
	}
	return used;
}

static struct pair_mark content_mark(const Footprint__Manifest *m, const ProtobufCBinaryData *path)
{
	const Footprint__File *file = view_find_file(m, path);

	/* Empty files all have the same content, which does not mean that one has moved. */
	if (!file || !file->size || !file->sha256.len)
		return (struct pair_mark){ NULL, 0 };
	return (struct pair_mark){ file->sha256.data, file->sha256.len };
}

/* A name of digits alone is a number, and no version: 12 is another thing than 13. */
static bool name_is_number(const ProtobufCBinaryData *path)
{
	size_t at = path->len;

	while (at && is_digit((char)path->data[at - 1]))
		at--;
	return at < path->len && at && path->data[at - 1] == '/';
}

static struct pair_mark shape_mark(struct arena *arena, const ProtobufCBinaryData *path)
{
	char *shape = name_is_number(path) ? NULL : arena_take_bytes(arena, path->len);

	/* Without memory for it, there are a removal and an addition, which is also true. */
	return (struct pair_mark){ shape, shape ? write_shape(path->data, path->len, shape) : 0 };
}

static struct pair_mark program_content(
	struct arena *arena, const Footprint__Manifest *m, size_t index)
{
	(void)arena;
	return content_mark(m, &m->executables[index]->path);
}

static struct pair_mark program_shape(
	struct arena *arena, const Footprint__Manifest *m, size_t index)
{
	return shape_mark(arena, &m->executables[index]->path);
}

static struct pair_mark library_content(
	struct arena *arena, const Footprint__Manifest *m, size_t index)
{
	(void)arena;
	return content_mark(m, &m->libraries[index]->path);
}

static struct pair_mark library_soname(
	struct arena *arena, const Footprint__Manifest *m, size_t index)
{
	const char *soname = m->libraries[index]->soname;

	(void)arena;
	return (struct pair_mark){ *soname ? soname : NULL, strlen(soname) };
}

static struct pair_mark library_shape(
	struct arena *arena, const Footprint__Manifest *m, size_t index)
{
	return shape_mark(arena, &m->libraries[index]->path);
}

static struct pair_mark file_content(
	struct arena *arena, const Footprint__Manifest *m, size_t index)
{
	(void)arena;
	return content_mark(m, &m->files[index]->path);
}

static struct pair_mark file_shape(struct arena *arena, const Footprint__Manifest *m, size_t index)
{
	return shape_mark(arena, &m->files[index]->path);
}

static struct pair_mark missing_shape(
	struct arena *arena, const Footprint__Manifest *m, size_t index)
{
	return shape_mark(arena, &m->missing[index]->path);
}

/* Packages of one manager and architecture, and of one name; the arena holds the three together. */
static struct pair_mark package_mark(
	struct arena *arena, const Footprint__Package *p, const char *name)
{
	size_t size = strlen(p->manager) + strlen(name) + strlen(p->architecture) + 3;
	char *joined = arena_take_bytes(arena, size);

	if (joined)
		snprintf(joined, size, "%s\n%s\n%s", p->manager, name, p->architecture);
	return (struct pair_mark){ joined, joined ? size : 0 };
}

static struct pair_mark package_name(
	struct arena *arena, const Footprint__Manifest *m, size_t index)
{
	return package_mark(arena, m->packages[index], m->packages[index]->name);
}

static struct pair_mark package_shape(
	struct arena *arena, const Footprint__Manifest *m, size_t index)
{
	const char *name = m->packages[index]->name;
	char *shape = arena_take_bytes(arena, strlen(name) + 1);

	if (!shape)
		return (struct pair_mark){ NULL, 0 };
	shape[write_shape(name, strlen(name), shape)] = '\0';
	return package_mark(arena, m->packages[index], shape);
}

diff_mark *const diff_marks[N_CHANGE_GROUPS][DIFF_MARKS_MAX] = {
	[GROUP_PROGRAMS] = { program_content, program_shape },
	[GROUP_LIBRARIES] = { library_content, library_soname, library_shape },
	[GROUP_PACKAGES] = { package_name, package_shape },
	[GROUP_FILES] = { file_content, file_shape },
	[GROUP_MISSING] = { missing_shape },
};
