#include "lib/manifest/compare.h"

#include <string.h>

#include "lib/manifest/find.h"
#include "lib/manifest/manifest.h"
#include "lib/manifest/words.h"

/* --- lists by program --- */

/* All lists of an entry's programs are sorted by these: the first place in `list` whose program is
 * not less than `by`. There may be as many programs as files. */
static size_t first_place(
	const void *list, size_t n, uint32_t (*program_at)(const void *list, size_t i), uint32_t by)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (program_at(list, middle) < by)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint32_t number_at(const void *list, size_t i)
{
	return ((const uint32_t *)list)[i];
}

static uint32_t use_at(const void *file, size_t i)
{
	return ((const Footprint__File *)file)->uses[i]->by;
}

static uint32_t loader_at(const void *library, size_t i)
{
	return ((const Footprint__Library *)library)->loaders[i]->by;
}

/* --- files --- */

static uint32_t compare_content(const Footprint__File *before, const Footprint__File *after)
{
	bool digests = before->sha256.len && after->sha256.len;

	if (digests)
		return compare_paths(&before->sha256, &after->sha256) ? DIFFERENCE_CONTENT : 0;
	/* Without two digests, only two known sizes can show a difference. */
	if (before->size && after->size && before->size != after->size)
		return DIFFERENCE_CONTENT;
	return 0;
}

static const char *package_name(const Footprint__Manifest *m, const Footprint__File *file)
{
	return file->package ? m->packages[file->package - 1]->name : "";
}

/* It is chance whether a file that the application deletes still existed when it was looked at. */
static bool is_deleted(const Footprint__File *file)
{
	for (size_t i = 0; i < file->n_uses; i++)
		if (file->uses[i]->access & ACCESS_DELETE)
			return true;
	return false;
}

/* Compares what looks have found out about the files, without their users. */
static uint32_t compare_states(
	const struct comparison *c, const Footprint__File *before, const Footprint__File *after)
{
	uint32_t what = 0;

	if (before->present != after->present)
		return is_deleted(before) && is_deleted(after) ? 0 : DIFFERENCE_PRESENCE;
	if (before->type != after->type)
		what |= DIFFERENCE_TYPE;
	/* The mode of a symlink itself means nothing. */
	else if (before->mode != after->mode && after->type != FOOTPRINT__FILE_TYPE__TYPE_SYMLINK)
		what |= DIFFERENCE_MODE;
	if (before->uid != after->uid || before->gid != after->gid)
		what |= DIFFERENCE_OWNER;
	if (compare_paths(&before->target, &after->target))
		what |= DIFFERENCE_TARGET;
	if (strcmp(package_name(c->before, before), package_name(c->after, after)))
		what |= DIFFERENCE_PACKAGE;
	return what | compare_content(before, after);
}

/* If the path of a program or library differs, its content only counts as the same if both digests
 * say so. */
static uint32_t compare_moved(const Footprint__File *before, const Footprint__File *after)
{
	bool same = before && after && before->sha256.len &&
		    !compare_paths(&before->sha256, &after->sha256);

	return same ? 0 : DIFFERENCE_CONTENT;
}

static const Footprint__Use *find_use(const Footprint__File *file, uint32_t by)
{
	size_t i = first_place(file, file->n_uses, use_at, by);

	return i < file->n_uses && file->uses[i]->by == by ? file->uses[i] : NULL;
}

static size_t count_users(const Footprint__File *file, uint32_t mask)
{
	size_t n = 0;

	for (size_t i = 0; i < file->n_uses; i++)
		n += (file->uses[i]->access & mask) != 0;
	return n;
}

/* Do other programs use it, and do programs of both sides use it differently? Only accesses in
 * `mask` count. */
static uint32_t compare_users(const struct comparison *c, uint32_t mask,
	const Footprint__File *before, const Footprint__File *after)
{
	uint32_t what = 0;

	if (count_users(before, mask) != count_users(after, mask))
		what |= DIFFERENCE_USERS;
	for (size_t i = 0; i < before->n_uses; i++) {
		uint32_t access = before->uses[i]->access & mask;
		const Footprint__Use *use = find_use(after, c->program[before->uses[i]->by]);

		if (!access)
			continue;
		if (!use || !(use->access & mask))
			what |= DIFFERENCE_USERS;
		else if ((use->access & mask) != access)
			what |= DIFFERENCE_USES;
	}
	return what;
}

static uint32_t compare_uses(const struct comparison *c, enum change_group group,
	const Footprint__File *before, const Footprint__File *after)
{
	uint32_t mask = diff_access_mask(group), what = compare_users(c, mask, before, after);

	if ((file_access(before) & mask) != (file_access(after) & mask))
		what |= DIFFERENCE_ACCESS;
	return what;
}

uint32_t compare_files(
	const struct comparison *c, const Footprint__File *before, const Footprint__File *after)
{
	uint32_t what = compare_states(c, before, after);

	if (compare_paths(&before->path, &after->path))
		what |= DIFFERENCE_PATH;
	return what | compare_uses(c, GROUP_FILES, before, after);
}

/* Compares the files of two programs or libraries. Who loads and executes them is compared with the
 * programs and libraries themselves; here it is about all other uses. */
static uint32_t compare_images(const struct comparison *c, enum change_group group,
	const ProtobufCBinaryData *before, const ProtobufCBinaryData *after)
{
	const Footprint__File *old_file = view_find_file(c->before, before);
	const Footprint__File *new_file = view_find_file(c->after, after);
	uint32_t what = 0;

	if (compare_paths(before, after))
		what = DIFFERENCE_PATH | compare_moved(old_file, new_file);
	if (old_file && new_file)
		what |= compare_states(c, old_file, new_file) |
			compare_uses(c, group, old_file, new_file);
	else if (old_file || new_file)
		what |= DIFFERENCE_PRESENCE;
	return what;
}

/* --- lists of programs --- */

static bool has_number(const uint32_t *list, size_t n, uint32_t wanted)
{
	size_t i = first_place(list, n, number_at, wanted);

	return i < n && list[i] == wanted;
}

static bool same_programs(const struct comparison *c, size_t n_before, const uint32_t *before,
	size_t n_after, const uint32_t *after)
{
	if (n_before != n_after)
		return false;
	for (size_t i = 0; i < n_before; i++)
		if (!has_number(after, n_after, c->program[before[i]]))
			return false;
	return true;
}

uint32_t compare_programs(const struct comparison *c, const Footprint__Executable *before,
	const Footprint__Executable *after)
{
	uint32_t what = compare_images(c, GROUP_PROGRAMS, &before->path, &after->path);

	if (compare_paths(&before->interpreter, &after->interpreter))
		what |= DIFFERENCE_INTERPRETER;
	if (before->watched != after->watched)
		what |= DIFFERENCE_WATCHED;
	if (before->first != after->first)
		what |= DIFFERENCE_FIRST;
	if (!same_programs(
		    c, before->n_executes, before->executes, after->n_executes, after->executes))
		what |= DIFFERENCE_EXECUTES;
	return what;
}

uint32_t compare_endpoints(const struct comparison *c, const Footprint__Endpoint *before,
	const Footprint__Endpoint *after)
{
	return same_programs(c, before->n_by, before->by, after->n_by, after->by)
		       ? 0
		       : DIFFERENCE_USERS;
}

uint32_t compare_missing(const struct comparison *c, const Footprint__Missing *before,
	const Footprint__Missing *after)
{
	uint32_t what = compare_paths(&before->path, &after->path) ? DIFFERENCE_PATH : 0;

	if (!same_programs(c, before->n_by, before->by, after->n_by, after->by))
		what |= DIFFERENCE_USERS;
	return what;
}

/* --- libraries --- */

/* Is this the same loader? `how`: it also has to load it in the same way. Requesters do not
 * count. */
static bool same_loader(const Footprint__Loader *a, const Footprint__Loader *b, bool how)
{
	return a->by == b->by && (!how || a->loaded == b->loaded);
}

/* Loaders are sorted by program and way, so equal ones are adjacent. */
static size_t count_loaders(const Footprint__Library *library, bool how)
{
	size_t n = library->n_loaders ? 1 : 0;

	for (size_t i = 1; i < library->n_loaders; i++)
		n += !same_loader(library->loaders[i - 1], library->loaders[i], how);
	return n;
}

static bool has_loader(const Footprint__Library *library, const Footprint__Loader *wanted, bool how)
{
	size_t i = first_place(library, library->n_loaders, loader_at, wanted->by);

	for (; i < library->n_loaders && library->loaders[i]->by == wanted->by; i++)
		if (same_loader(library->loaders[i], wanted, how))
			return true;
	return false;
}

static bool same_loaders(const struct comparison *c, const Footprint__Library *before,
	const Footprint__Library *after, bool how)
{
	if (count_loaders(before, how) != count_loaders(after, how))
		return false;
	for (size_t i = 0; i < before->n_loaders; i++) {
		Footprint__Loader renamed = *before->loaders[i];

		renamed.by = c->program[renamed.by];
		if (!has_loader(after, &renamed, how))
			return false;
	}
	return true;
}

static bool same_needed(const Footprint__Library *before, const Footprint__Library *after)
{
	if (before->n_needed != after->n_needed)
		return false;
	for (size_t i = 0; i < before->n_needed; i++)
		if (strcmp(before->needed[i], after->needed[i]))
			return false;
	return true;
}

uint32_t compare_libraries(const struct comparison *c, const Footprint__Library *before,
	const Footprint__Library *after)
{
	uint32_t what = compare_images(c, GROUP_LIBRARIES, &before->path, &after->path);

	if (strcmp(before->soname, after->soname))
		what |= DIFFERENCE_SONAME;
	if (strcmp(before->build_id, after->build_id))
		what |= DIFFERENCE_BUILD_ID;
	if (!same_needed(before, after))
		what |= DIFFERENCE_NEEDED;
	if (!same_loaders(c, before, after, false))
		what |= DIFFERENCE_USERS;
	else if (!same_loaders(c, before, after, true))
		what |= DIFFERENCE_LOADED;
	return what;
}
