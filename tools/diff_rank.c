#include "tools/diff_rank.h"

#include <stdlib.h>

#include "lib/manifest/manifest.h"
#include "lib/manifest/words.h"

struct changed_packages changed_packages_find(const struct diff *diff)
{
	const struct change_list *list = &diff->groups[GROUP_PACKAGES];
	struct changed_packages found = {
		calloc(diff->before->n_packages + 1, sizeof(bool)),
		calloc(diff->after->n_packages + 1, sizeof(bool)),
	};

	if (!found.before || !found.after)
		abort(); /* a command may abort when there is no memory */
	for (size_t i = 0; i < list->n; i++) {
		const struct change *change = &list->changes[i];

		if (change->kind != CHANGE_ADDED)
			found.before[change->before] = true;
		if (change->kind != CHANGE_REMOVED)
			found.after[change->after] = true;
	}
	return found;
}

void changed_packages_deinit(struct changed_packages *packages)
{
	free(packages->before);
	free(packages->after);
	*packages = (struct changed_packages){ NULL, NULL };
}

static bool is_of(const bool *packages, const Footprint__File *file)
{
	return file && file->package && packages[file->package - 1];
}

/* Did the package of the thing change on each side that has the thing? */
static bool is_with_package(const struct diff *diff, const struct changed_packages *packages,
	enum change_group group, const struct change *change)
{
	if (change->kind != CHANGE_ADDED &&
		!is_of(packages->before, diff_file(diff->before, group, change->before)))
		return false;
	return change->kind == CHANGE_REMOVED ||
	       is_of(packages->after, diff_file(diff->after, group, change->after));
}

static bool is_written(const Footprint__File *file)
{
	return file_access(file) & ACCESS_CHANGES;
}

/* Is it a file that the application writes itself, on each side that has it? */
static bool is_own(const struct diff *diff, enum change_group group, const struct change *change)
{
	if (group != GROUP_FILES)
		return false;
	if (change->kind != CHANGE_ADDED && !is_written(diff->before->files[change->before]))
		return false;
	return change->kind == CHANGE_REMOVED || is_written(diff->after->files[change->after]);
}

enum change_rank change_rank(const struct diff *diff, const struct changed_packages *packages,
	enum change_group group, const struct change *change)
{
	bool came_or_went = change->kind == CHANGE_ADDED || change->kind == CHANGE_REMOVED;

	if (came_or_went && group != GROUP_FILES)
		return RANK_CAME_OR_WENT;
	if (is_with_package(diff, packages, group, change))
		return came_or_went ? RANK_CAME_OR_WENT_WITH_PACKAGE : RANK_CHANGED_WITH_PACKAGE;
	if (is_own(diff, group, change))
		return RANK_WRITTEN;
	return came_or_went ? RANK_CAME_OR_WENT : RANK_CHANGED;
}
