#include "aggregator/manifests/apply.h"

#include <errno.h>
#include <string.h>

#include "aggregator/roots/lexical.h"

#define DELETED " (deleted)" /* what the kernel appends to the name of a deleted file in /proc */
#define MEMFD	"/memfd:"

enum outcome outcome_of(uint32_t error)
{
	switch (error) {
	case 0:
		return OUTCOME_DONE;
	case ENOENT:
	case ENOTDIR:
		return OUTCOME_MISSING;
#define NOTHING(error) case error:
#include "proto/nothing.def"
#undef NOTHING
		return OUTCOME_NOTHING;
	default:
		return OUTCOME_CHECKED;
	}
}

/* A path that the manifest refuses is dropped: only lack of memory is a failure. */
static int only_memory(int r)
{
	return r == -ENOMEM ? r : 0;
}

int apply_links(struct manifest *m, const struct look *look, const char *by)
{
	for (size_t i = 0; i < look->n_links; i++) {
		const struct look_link *link = &look->links[i];

		if (lexical_left_out(link->path))
			continue;
		if (manifest_add_use(m, link->path, ACCESS_READ, by) == -ENOMEM ||
			manifest_set_state(m, link->path, &link->state) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

/* A directory that was opened for reading is listed, however it was opened. */
static uint32_t access_of(const struct look *look, uint32_t access)
{
	if (look->has_state && look->state.type == FOOTPRINT__FILE_TYPE__TYPE_DIRECTORY &&
		access & ACCESS_READ)
		access = (access & ~(uint32_t)ACCESS_READ) | ACCESS_LIST;
	return access;
}

/* `path`: the file's name, which differs from the look's if the file was deleted. */
static int use(struct manifest *m, const struct look *look, const char *path, uint32_t access,
	const char *by)
{
	int r = apply_links(m, look, by);

	if (r < 0 || !access || lexical_left_out(path))
		return r;
	r = only_memory(manifest_add_use(m, path, access_of(look, access), by));
	if (r == 0 && look->has_state)
		r = only_memory(manifest_set_state(m, path, &look->state));
	return r;
}

int apply_use(struct manifest *m, const struct look *look, uint32_t access, const char *by)
{
	return use(m, look, look->path, access, by);
}

char *apply_program_name(const struct look *look)
{
	size_t size = strlen(look->path), suffix = strlen(DELETED);

	if (look->error && size > suffix && !strcmp(look->path + size - suffix, DELETED))
		size -= suffix;
	return strndup(look->path, size);
}

int apply_program(struct manifest *m, const struct look *look, const char *name, const char *by)
{
	if (look->error && !strncmp(name, MEMFD, strlen(MEMFD)))
		return 0;
	return use(m, look, name, ACCESS_EXEC, by);
}

/* Where the process found nothing, and there is a symlink to something by now, that was made
 * meanwhile, most often by the process itself: what the symlink leads to was not missing. */
static const char *missing_path(const struct look *look)
{
	if (look->error)
		return look->path;
	/* Nor was what is mounted there by now. */
	if (look->inside && !look->own_link)
		return look->inside;
	return look->own_link ? look->links[look->own_link - 1].path : look->path;
}

static int add_missing(struct manifest *m, const struct look *look, const char *by)
{
	const char *path = missing_path(look);
	int r = apply_links(m, look, by);

	if (r < 0 || lexical_left_out(path))
		return r;
	return only_memory(manifest_add_missing(m, path, by));
}

int apply_outcome(struct manifest *m, const struct look *look, uint32_t access, uint32_t error,
	const char *by)
{
	switch (outcome_of(error)) {
	case OUTCOME_DONE:
		return apply_use(m, look, access, by);
	case OUTCOME_MISSING:
		return add_missing(m, look, by);
	case OUTCOME_CHECKED:
		return apply_use(m, look, ACCESS_CHECK, by);
	default:
		return 0;
	}
}
