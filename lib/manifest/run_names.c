#include "lib/manifest/run_names.h"

#include <stdlib.h>
#include <string.h>

#include "lib/manifest/find.h"
#include "lib/manifest/manifest.h"
#include "lib/manifest/words.h"

#define NAME_SIZE_MAX 3 /* bytes of a mark for each byte of a name, at most */

struct user {
	uint32_t program; /* among the new ones */
	uint32_t access;
};

/* --- who does what with it --- */

static int compare_user(const void *a, const void *b)
{
	const struct user *x = a, *y = b;

	return (x->program > y->program) - (x->program < y->program);
}

/* Names the programs as the new manifest does. False: it does not have one of them. */
static bool settle_users(
	const struct comparison *c, const Footprint__Manifest *m, struct user *users, size_t n)
{
	for (size_t i = 0; m == c->before && i < n; i++) {
		users[i].program = c->program[users[i].program];
		if (users[i].program == NO_PROGRAM)
			return false;
	}
	if (n)
		qsort(users, n, sizeof(*users), compare_user);
	return true;
}

/* --- the path --- */

static bool is_made_and_removed(const Footprint__File *file)
{
	const uint32_t both = ACCESS_CREATE | ACCESS_DELETE;

	return (file_access(file) & both) == both;
}

bool run_names_any(const Footprint__Manifest *m)
{
	for (size_t i = 0; i < m->n_files; i++)
		if (is_made_and_removed(m->files[i]))
			return true;
	return false;
}

/* Does the component that ends there have a name of the run? A name that the other side knows, too,
 * is none. */
static bool is_of_run(const struct comparison *c, const Footprint__Manifest *m,
	const ProtobufCBinaryData *path, size_t end)
{
	const ProtobufCBinaryData part = { end, path->data };
	const Footprint__File *file = view_find_file(m, &part);

	return file && is_made_and_removed(file) &&
	       !view_find_file(m == c->before ? c->after : c->before, &part);
}

/* Where the component that begins with the slash at `at` ends. */
static size_t component_end(const ProtobufCBinaryData *path, size_t at)
{
	const uint8_t *name = path->data + at + 1;
	const uint8_t *slash = memchr(name, '/', path->len - at - 1);

	return slash ? (size_t)(slash - path->data) : path->len;
}

static bool has_run_name(
	const struct comparison *c, const Footprint__Manifest *m, const ProtobufCBinaryData *path)
{
	for (size_t at = 0; at < path->len; at = component_end(path, at))
		if (is_of_run(c, m, path, component_end(path, at)))
			return true;
	return false;
}

/* Writes what must be the same of a name; returns its size. */
static size_t write_name(const uint8_t *name, size_t size, enum run_name_rule rule, char *to)
{
	to[0] = '\0'; /* no name has that */
	if (rule == RUN_NAME_SHAPE)
		return 1 + pair_shape(name, size, to + 1);
	to[1] = (char)(size & 0xff);
	to[2] = (char)(size >> 8);
	return NAME_SIZE_MAX;
}

/* Writes the path with its names of the run replaced; returns its size. */
static size_t write_path(const struct comparison *c, const Footprint__Manifest *m,
	const ProtobufCBinaryData *path, enum run_name_rule rule, char *to)
{
	size_t used = 0, end;

	for (size_t at = 0; at < path->len; at = end) {
		const uint8_t *name = path->data + at + 1;
		size_t size;

		end = component_end(path, at);
		size = end - at - 1;
		to[used++] = '/';
		if (is_of_run(c, m, path, end)) {
			used += write_name(name, size, rule, to + used);
		} else {
			memcpy(to + used, name, size);
			used += size;
		}
	}
	return used;
}

/* --- marks: the users, and behind them the path --- */

static struct user *take(const struct comparison *c, const Footprint__Manifest *m,
	const ProtobufCBinaryData *path, size_t n_users, struct arena *arena)
{
	if (!has_run_name(c, m, path))
		return NULL;
	return arena_take(arena, n_users * sizeof(struct user) + NAME_SIZE_MAX * path->len);
}

/* Completes the mark, in which the users are as the manifest has them. */
static struct pair_mark finish(const struct comparison *c, const Footprint__Manifest *m,
	const ProtobufCBinaryData *path, size_t n_users, enum run_name_rule rule, struct user *mark)
{
	if (!settle_users(c, m, mark, n_users))
		return (struct pair_mark){ NULL, 0 };
	return (struct pair_mark){ mark,
		n_users * sizeof(*mark) + write_path(c, m, path, rule, (char *)(mark + n_users)) };
}

struct pair_mark run_name_mark_file(const struct comparison *c, const Footprint__Manifest *m,
	const Footprint__File *file, enum run_name_rule rule, struct arena *arena)
{
	struct user *mark = take(c, m, &file->path, file->n_uses, arena);

	if (!mark)
		return (struct pair_mark){ NULL, 0 };
	for (size_t i = 0; i < file->n_uses; i++)
		mark[i] = (struct user){ file->uses[i]->by, file->uses[i]->access };
	return finish(c, m, &file->path, file->n_uses, rule, mark);
}

struct pair_mark run_name_mark_missing(const struct comparison *c, const Footprint__Manifest *m,
	const Footprint__Missing *missing, enum run_name_rule rule, struct arena *arena)
{
	struct user *mark = take(c, m, &missing->path, missing->n_by, arena);

	if (!mark)
		return (struct pair_mark){ NULL, 0 };
	for (size_t i = 0; i < missing->n_by; i++)
		mark[i] = (struct user){ missing->by[i], 0 };
	return finish(c, m, &missing->path, missing->n_by, rule, mark);
}
