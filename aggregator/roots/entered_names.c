#include "aggregator/roots/entered_names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "aggregator/roots/entered_tables.h"
#include "lib/base/cleanup.h"
#include "lib/root/beneath.h"

static bool identify(int root, const char *path, struct spot *ret)
{
	autoclose int fd = beneath_open(root, path, O_PATH);
	struct statx status;

	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO | STATX_MNT_ID,
			      &status) < 0)
		return false;
	ret->device = (uint64_t)status.stx_dev_major << 32 | status.stx_dev_minor;
	ret->inode = status.stx_ino;
	ret->mount = status.stx_mask & STATX_MNT_ID ? status.stx_mnt_id : 0;
	return true;
}

bool spot_find(int root, char *path, struct spot *ret)
{
	char *slash;

	for (;;) {
		ret->size = strcmp(path, "/") ? strlen(path) : 0;
		if (identify(root, path, ret))
			return true;
		slash = strrchr(path, '/');
		if (!ret->size)
			return false;
		slash[slash == path] = '\0';
	}
}

static bool is_same(int root, const char *path, const struct spot *spot)
{
	struct spot other;

	return identify(root, path, &other) && other.device == spot->device &&
	       other.inode == spot->inode;
}

const char *mount_usual_point(const char *type)
{
	static const char *const usual[][2] = { { "proc", "/proc" }, { "sysfs", "/sys" },
		{ "devpts", "/dev/pts" } };

	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
		if (!strcmp(type, usual[i][0]))
			return usual[i][1];
	return NULL;
}

char *mount_path(const char *point, const char *rest)
{
	bool top = !strcmp(point, "/");
	char *text;

	if (!strcmp(rest, "/"))
		rest = "";
	return asprintf(&text, "%s%s", top && *rest ? "" : point, rest) < 0 ? NULL : text;
}

void candidates_deinit(struct candidates *candidates)
{
	free(candidates->path);
}

int candidates_begin(const struct entered *entered, const struct mount *mount, const char *path,
	struct candidates *ret)
{
	const char *below = mounts_below(path, mount->point);

	*ret = (struct candidates){ .mounts = entered->first ? &entered->first->before : NULL,
		.device = mount->device };
	if (!below || !ret->mounts)
		return 0;
	ret->path = mount_path(mount->top, below);
	return ret->path ? 0 : -ENOMEM;
}

int candidates_next(struct candidates *candidates, char **ret)
{
	while (candidates->path && candidates->next < candidates->mounts->n) {
		const struct mount *mount = &candidates->mounts->list[candidates->next++];
		const char *below = mounts_below(candidates->path, mount->top);

		if (mount->device != candidates->device || !below)
			continue;
		candidates->any = true;
		*ret = mount_path(mount->point, below);
		return *ret ? 1 : -ENOMEM;
	}
	return 0;
}

static const struct mount *mount_of(
	struct entered *entered, const struct spot *spot, const char *path)
{
	const struct mounts *tables[ENTERED_TABLES];
	const struct mount *mount = NULL;

	entered_tables(entered, tables);
	for (int i = 0; i < ENTERED_TABLES && !mount; i++)
		if (tables[i])
			mount = spot->mount ? mounts_find(tables[i], spot->mount)
					    : mounts_of(tables[i], path);
	return mount;
}

int entered_name(
	struct entered *entered, int root, const char *path, const struct spot *spot, char **ret)
{
	int r;
	const struct mount *mount;
	const char *usual, *below;
	auto_candidates struct candidates candidates = { 0 };

	*ret = NULL;
	if (is_same(root, path, spot)) {
		*ret = strdup(path);
		return *ret ? NAME_KNOWN : -ENOMEM;
	}
	mount = mount_of(entered, spot, path);
	below = mount ? mounts_below(path, mount->point) : NULL;
	if (!below || !entered->first || !entered->first->before.n)
		return NAME_UNKNOWN;
	usual = mount_usual_point(mount->type);
	if (usual) {
		*ret = mount_path(usual, below);
		return *ret ? NAME_KNOWN : -ENOMEM;
	}
	r = candidates_begin(entered, mount, path, &candidates);
	while (r >= 0 && (r = candidates_next(&candidates, ret)) > 0) {
		if (is_same(root, *ret, spot))
			return NAME_KNOWN;
		free(steal_pointer(*ret));
	}
	return r < 0 ? r : candidates.any ? NAME_UNKNOWN : NAME_OWN;
}
