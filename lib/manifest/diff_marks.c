#include "lib/manifest/diff_marks.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/manifest/find.h"

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

	while (at && path->data[at - 1] >= '0' && path->data[at - 1] <= '9')
		at--;
	return at < path->len && at && path->data[at - 1] == '/';
}

static struct pair_mark shape_mark(const struct marking *marking, const ProtobufCBinaryData *path)
{
	char *shape = name_is_number(path) ? NULL : arena_take_bytes(marking->arena, path->len);

	/* Without memory for it, there are a removal and an addition, which is also true. */
	return (struct pair_mark){ shape, shape ? pair_shape(path->data, path->len, shape) : 0 };
}

static struct pair_mark program_content(
	const struct marking *marking, const Footprint__Manifest *m, size_t index)
{
	(void)marking;
	return content_mark(m, &m->executables[index]->path);
}

static struct pair_mark program_shape(
	const struct marking *marking, const Footprint__Manifest *m, size_t index)
{
	return shape_mark(marking, &m->executables[index]->path);
}

static struct pair_mark library_content(
	const struct marking *marking, const Footprint__Manifest *m, size_t index)
{
	(void)marking;
	return content_mark(m, &m->libraries[index]->path);
}

static struct pair_mark library_soname(
	const struct marking *marking, const Footprint__Manifest *m, size_t index)
{
	const char *soname = m->libraries[index]->soname;

	(void)marking;
	return (struct pair_mark){ *soname ? soname : NULL, strlen(soname) };
}

static struct pair_mark library_shape(
	const struct marking *marking, const Footprint__Manifest *m, size_t index)
{
	return shape_mark(marking, &m->libraries[index]->path);
}

static struct pair_mark file_content(
	const struct marking *marking, const Footprint__Manifest *m, size_t index)
{
	(void)marking;
	return content_mark(m, &m->files[index]->path);
}

static struct pair_mark file_shape(
	const struct marking *marking, const Footprint__Manifest *m, size_t index)
{
	return shape_mark(marking, &m->files[index]->path);
}

static struct pair_mark missing_shape(
	const struct marking *marking, const Footprint__Manifest *m, size_t index)
{
	return shape_mark(marking, &m->missing[index]->path);
}

/* Packages of one manager and architecture, and of one name; the arena holds the three together. */
static struct pair_mark package_mark(
	const struct marking *marking, const Footprint__Package *p, const char *name)
{
	size_t size = strlen(p->manager) + strlen(name) + strlen(p->architecture) + 3;
	char *joined = arena_take_bytes(marking->arena, size);

	if (joined)
		snprintf(joined, size, "%s\n%s\n%s", p->manager, name, p->architecture);
	return (struct pair_mark){ joined, joined ? size : 0 };
}

static struct pair_mark package_name(
	const struct marking *marking, const Footprint__Manifest *m, size_t index)
{
	return package_mark(marking, m->packages[index], m->packages[index]->name);
}

static struct pair_mark package_shape(
	const struct marking *marking, const Footprint__Manifest *m, size_t index)
{
	const char *name = m->packages[index]->name;
	char *shape = arena_take_bytes(marking->arena, strlen(name) + 1);

	if (!shape)
		return (struct pair_mark){ NULL, 0 };
	shape[pair_shape(name, strlen(name), shape)] = '\0';
	return package_mark(marking, m->packages[index], shape);
}

static struct pair_mark file_of_run_length(
	const struct marking *marking, const Footprint__Manifest *m, size_t index)
{
	return run_name_mark_file(
		marking->comparison, m, m->files[index], RUN_NAME_LENGTH, marking->arena);
}

static struct pair_mark file_of_run_shape(
	const struct marking *marking, const Footprint__Manifest *m, size_t index)
{
	return run_name_mark_file(
		marking->comparison, m, m->files[index], RUN_NAME_SHAPE, marking->arena);
}

static struct pair_mark missing_of_run_length(
	const struct marking *marking, const Footprint__Manifest *m, size_t index)
{
	return run_name_mark_missing(
		marking->comparison, m, m->missing[index], RUN_NAME_LENGTH, marking->arena);
}

static struct pair_mark missing_of_run_shape(
	const struct marking *marking, const Footprint__Manifest *m, size_t index)
{
	return run_name_mark_missing(
		marking->comparison, m, m->missing[index], RUN_NAME_SHAPE, marking->arena);
}

diff_mark *const diff_marks[N_CHANGE_GROUPS][DIFF_MARKS_MAX] = {
	[GROUP_PROGRAMS] = { program_content, program_shape },
	[GROUP_LIBRARIES] = { library_content, library_soname, library_shape },
	[GROUP_PACKAGES] = { package_name, package_shape },
	[GROUP_FILES] = { file_content, file_shape },
	[GROUP_MISSING] = { missing_shape },
};

diff_mark *const diff_run_marks[N_CHANGE_GROUPS][N_RUN_NAME_RULES] = {
	[GROUP_FILES] = { file_of_run_length, file_of_run_shape },
	[GROUP_MISSING] = { missing_of_run_length, missing_of_run_shape },
};
