/*
 * Looks in an entered root, and the names that the container has for what is there.
 *
 * The file is the same if it has the same device and inode: first the same name is tried, then the
 * names that the tables of mounts give. A file on a file system that the container has nowhere (a
 * tmpfs of the sandbox) keeps its name, as one in a volume does. If the container has the file
 * system, and yet the file cannot be found there, its name is not known: a gap.
 *
 * A sandbox is made in haste, and what was mounted while it was made is gone when we look. Then the
 * tables of that time tell where it came from, and it is looked for there, in the container's root.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <linux/magic.h>
#include <sys/stat.h>

#include "aggregator/roots/entered.h"
#include "aggregator/roots/look_parts.h"
#include "lib/base/cleanup.h"
#include "lib/root/beneath.h"
#include "proto/session_memory.h"

#define NO_NAME                                                                                    \
	"files of another root directory, whose names in the container are not known: they are "   \
	"as the program gave them"
#define CLOSED "paths in a root directory that is gone: they are as the program gave them"

/* --- tables of mounts ------------------------------------------------------------------------- */

/* The whole file; NULL: it cannot be read, or is too large. The caller frees. */
static char *read_all(int fd, size_t *ret_size)
{
	autofree char *text = malloc(FP_MOUNTS_SIZE_MAX);
	size_t size = 0;
	ssize_t n = -1;

	while (text && size < FP_MOUNTS_SIZE_MAX &&
		(n = pread(fd, text + size, FP_MOUNTS_SIZE_MAX - size, (off_t)size)) > 0)
		size += (size_t)n;
	if (n != 0)
		return NULL;
	*ret_size = size;
	return steal_pointer(text);
}

/* "before\0after\0" */
static int read_crossing(struct crossing *crossing)
{
	size_t size = 0, first;
	autofree char *text = NULL;
	int r;

	if (!crossing || crossing->read)
		return 0;
	text = read_all(crossing->fd, &size);
	crossing->read = true;
	first = text ? strnlen(text, size) : 0;
	if (!text || first == size)
		return 0;
	r = mounts_parse(text, first, &crossing->before);
	if (r == 0)
		r = mounts_parse(text + first + 1, strnlen(text + first + 1, size - first - 1),
			&crossing->after);
	/* Where there was no /proc. */
	if (r == 0 && !crossing->after.n)
		r = mounts_from(&crossing->before, crossing->mount, &crossing->after);
	return r;
}

/* Is it a file of the kernel's that can be read without waiting? */
static bool is_mountinfo(int fd)
{
	static const char name[] = "/mountinfo";
	char path[32], found[128];
	struct statfs system;
	ssize_t size;

	if (fstatfs(fd, &system) < 0 || system.f_type != PROC_SUPER_MAGIC)
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	size = readlink(path, found, sizeof(found));
	return size > (ssize_t)sizeof(name) &&
	       !memcmp(found + size - (sizeof(name) - 1), name, sizeof(name) - 1);
}

static int read_now(struct entered *entered)
{
	autofree char *text = NULL;
	size_t size = 0;

	if (!entered->stale || entered->space < 0)
		return 0;
	entered->stale = false;
	text = is_mountinfo(entered->space) ? read_all(entered->space, &size) : NULL;
	if (!text)
		return 0;
	mounts_deinit(&entered->now);
	return mounts_parse(text, size, &entered->now);
}

void entered_refresh(struct entered *entered)
{
	if (entered->tools.resolver)
		resolver_refresh(entered->tools.resolver);
	entered->stale = true;
}

static int read_tables(struct entered *entered)
{
	int r = read_crossing(entered->into);

	if (r == 0)
		r = read_crossing(entered->out);
	if (r == 0)
		r = read_crossing(entered->first);
	return r == 0 ? read_now(entered) : r;
}

#define TABLES 3
/* What is known of its mounts, the latest first; NULL: nothing. */
static void tables_of(struct entered *entered, const struct mounts *ret[static TABLES])
{
	struct crossing *out = entered->out;

	ret[0] = &entered->now;
	ret[1] = out && out->read ? &out->before : NULL;
	ret[2] = entered->into ? &entered->into->after : NULL;
}

/* --- where a path is -------------------------------------------------------------------------- */

/* The deepest directory or file on the way to a path that exists. */
struct spot {
	size_t size; /* the first bytes of the path, which name it; 0: the root */
	uint64_t device, inode, mount;
};

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

/* `path` is cut behind what exists. False: not even the root can be looked at. */
static bool find_spot(int root, char *path, struct spot *ret)
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

/* --- names ------------------------------------------------------------------------------------ */

/* What the kernel makes up is the same wherever it is mounted, and has no fixed inode numbers. */
static const char *usual_point(const char *type)
{
	static const char *const usual[][2] = { { "proc", "/proc" }, { "sysfs", "/sys" },
		{ "devpts", "/dev/pts" } };

	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
		if (!strcmp(type, usual[i][0]))
			return usual[i][1];
	return NULL;
}

/* point + rest, of which either may be "/" or "". NULL: no memory. */
static char *joined(const char *point, const char *rest)
{
	bool top = !strcmp(point, "/");
	char *text;

	if (!strcmp(rest, "/"))
		rest = "";
	return asprintf(&text, "%s%s", top && *rest ? "" : point, rest) < 0 ? NULL : text;
}

/* Goes through the names that the container may have for a file: by the mounts of its root. */
struct candidates {
	const struct mounts *mounts;
	uint64_t device;
	char *path; /* of the file in its file system */
	size_t next;
	bool any; /* its file system is there */
};

static void candidates_deinit(struct candidates *candidates)
{
	free(candidates->path);
}
#define auto_candidates __attribute__((cleanup(candidates_deinit)))

/* mount: where `path` is. 0 or -ENOMEM. */
static int candidates_begin(const struct entered *entered, const struct mount *mount,
	const char *path, struct candidates *ret)
{
	const char *below = mounts_below(path, mount->point);

	*ret = (struct candidates){ .mounts = entered->first ? &entered->first->before : NULL,
		.device = mount->device };
	if (!below || !ret->mounts)
		return 0;
	ret->path = joined(mount->top, below);
	return ret->path ? 0 : -ENOMEM;
}

/* 1: there is one, which the caller frees; 0: no more; -ENOMEM. */
static int candidates_next(struct candidates *candidates, char **ret)
{
	while (candidates->path && candidates->next < candidates->mounts->n) {
		const struct mount *mount = &candidates->mounts->list[candidates->next++];
		const char *below = mounts_below(candidates->path, mount->top);

		if (mount->device != candidates->device || !below)
			continue;
		candidates->any = true;
		*ret = joined(mount->point, below);
		return *ret ? 1 : -ENOMEM;
	}
	return 0;
}

struct inward {
	struct outside outside;
	struct look_tools *tools; /* the container's */
	struct entered *entered;
	struct look *look;
};

static const struct mount *mount_of(
	struct entered *entered, const struct spot *spot, const char *path)
{
	const struct mounts *tables[TABLES];
	const struct mount *mount = NULL;

	tables_of(entered, tables);
	for (int i = 0; i < TABLES && !mount; i++)
		if (tables[i])
			mount = spot->mount ? mounts_find(tables[i], spot->mount)
					    : mounts_of(tables[i], path);
	return mount;
}

enum name { NAMED, OWN, UNKNOWN };

/* The container's name of what exists at `path` there. NAMED: *ret, which the caller frees; OWN: it
 * has none, for the file system is the sandbox's own; UNKNOWN; or -ENOMEM. */
static int name_of(struct inward *inward, const char *path, const struct spot *spot, char **ret)
{
	int root = resolver_root(inward->tools->resolver), r;
	const struct mount *mount;
	const char *usual, *below;
	auto_candidates struct candidates candidates = { 0 };

	*ret = NULL;
	if (is_same(root, path, spot)) {
		*ret = strdup(path);
		return *ret ? NAMED : -ENOMEM;
	}
	mount = mount_of(inward->entered, spot, path);
	below = mount ? mounts_below(path, mount->point) : NULL;
	if (!below || !inward->entered->first || !inward->entered->first->before.n)
		return UNKNOWN;
	usual = usual_point(mount->type);
	if (usual) {
		*ret = joined(usual, below);
		return *ret ? NAMED : -ENOMEM;
	}
	r = candidates_begin(inward->entered, mount, path, &candidates);
	while (r >= 0 && (r = candidates_next(&candidates, ret)) > 0) {
		if (is_same(root, *ret, spot))
			return NAMED;
		free(steal_pointer(*ret));
	}
	return r < 0 ? r : candidates.any ? UNKNOWN : OWN;
}

/* May packages be installed in this root, apart from the container's? */
static int is_own_root(struct inward *inward, bool *ret)
{
	struct entered *entered = inward->entered;
	autofree char *name = NULL;
	struct spot spot;
	int r;

	if (entered->is_own == OWN_UNKNOWN) {
		spot.size = 0;
		r = identify(resolver_root(entered->tools.resolver), "/", &spot)
			    ? name_of(inward, "/", &spot, &name)
			    : UNKNOWN;
		if (r < 0)
			return r;
		entered->is_own = r == OWN ? OWN_ROOT : NOT_OWN;
	}
	*ret = entered->is_own == OWN_ROOT;
	return 0;
}

/* Whose database of packages may know the file. */
static int find_packages(struct inward *inward, enum name name, struct look_tools **ret)
{
	bool own = false;
	int r = name == OWN ? is_own_root(inward, &own) : 0;

	*ret = name == NAMED ? inward->tools : own ? &inward->entered->tools : NULL;
	return r;
}

static int put_inward(struct outside *outside, char **path, struct look_tools **ret_packages)
{
	struct inward *inward = (struct inward *)outside;
	int root = resolver_root(inward->entered->tools.resolver);
	autofree char *found = strdup(*path), *name = NULL, *whole = NULL;
	struct spot spot;
	int r = found ? 0 : -ENOMEM;

	if (r == 0)
		r = find_spot(root, found, &spot) ? name_of(inward, found, &spot, &name) : UNKNOWN;
	if (r < 0)
		return r;
	if (r == UNKNOWN)
		inward->look->guess = NO_NAME;
	if (r != NAMED)
		return find_packages(inward, (enum name)r, ret_packages);
	*ret_packages = inward->tools;
	whole = joined(name, *path + spot.size);
	if (!whole)
		return -ENOMEM;
	free(*path);
	*path = steal_pointer(whole);
	return 0;
}

/* --- what is not mounted any more ------------------------------------------------------------- */

static void swap(struct look *look, struct look *other)
{
	struct look before = *look;

	*look = *other;
	*other = before;
	look->references = other->references = 1;
}

/* Looks in the container's root for what was at `path` on this mount. 1: it is told now; 0: it is
 * not there; or our own trouble. */
static int look_at_origin(struct inward *inward, const struct mount *mount, const char *path,
	const struct look_request *request)
{
	auto_candidates struct candidates candidates = { 0 };
	struct look_request outside = *request;
	autofree char *name = NULL;
	int r = candidates_begin(inward->entered, mount, path, &candidates);

	outside.entered = NULL;
	outside.root_size = 0;
	while (r >= 0 && (r = candidates_next(&candidates, &name)) > 0) {
		struct look *other;

		outside.raw = name;
		r = look_at(inward->tools, &outside, &other);
		free(steal_pointer(name));
		if (r < 0)
			return r;
		/* The first one is told even if it is not there: the process may have missed it,
		 * too. */
		if (!other->error || (inward->look->error && !inward->look->unmounted)) {
			other->unmounted = other->error != 0;
			swap(inward->look, other);
		}
		look_unref(other);
		if (!inward->look->error)
			return 1;
	}
	return r;
}

/* What the kernel makes up needs no look: no manifest holds it. */
static int tell_usual(struct look *look, const char *usual, const char *below)
{
	char *path = joined(usual, below);

	if (!path)
		return -ENOMEM;
	free(look->path);
	look->path = path;
	return 1;
}

static bool mount_is_known(struct entered *entered, uint64_t id)
{
	const struct mounts *tables[TABLES];
	bool known = false;

	tables_of(entered, tables);
	for (int i = 0; i < TABLES; i++)
		known |= tables[i] && mounts_find(tables[i], id);
	return known;
}

/* Do the tables say that this path was on another mount than it is now? If there is a file now,
 * none of them may say that it was on this one. (Before Linux 5.8 that cannot be known.) */
static bool was_elsewhere(struct inward *inward, const char *path, const struct spot *spot)
{
	const struct mounts *tables[TABLES];
	bool differs = false;

	tables_of(inward->entered, tables);
	for (int i = 0; i < TABLES; i++) {
		const struct mount *mount = tables[i] ? mounts_of(tables[i], path) : NULL;

		if (mount && mount->id == spot->mount && !inward->look->error)
			return false;
		differs |= mount && mount->id != spot->mount;
	}
	return differs && (inward->look->error || mount_is_known(inward->entered, spot->mount));
}

/* It was on a mount that is gone. 1: it is told now, as well as it can be; 0: its origin is not
 * known; or our own trouble. */
static int look_before(struct inward *inward, const char *path, const struct spot *spot,
	const struct look_request *request)
{
	const struct mounts *tables[TABLES];
	int r = 0;

	tables_of(inward->entered, tables);
	for (int i = 0; i < TABLES && r == 0; i++) {
		const struct mount *mount = tables[i] ? mounts_of(tables[i], path) : NULL;
		const char *usual = mount ? usual_point(mount->type) : NULL;

		if (mount && mount->id != spot->mount)
			r = usual ? tell_usual(
					    inward->look, usual, mounts_below(path, mount->point))
				  : look_at_origin(inward, mount, path, request);
	}
	return r == 0 ? inward->look->unmounted : r;
}

static bool is_absent(int error)
{
	return error == -ENOENT || error == -ENOTDIR;
}

/* The same if it was, and 0 if it was not. */
static int look_where_it_was(struct inward *inward, const struct look_request *request)
{
	const struct look *look = inward->look;
	autofree char *path = strdup(look->path), *found = path ? strdup(path) : NULL;
	struct spot spot;
	int r = 0;

	if (!found)
		return -ENOMEM;
	if ((look->error && !is_absent(look->error)) ||
		!find_spot(resolver_root(inward->entered->tools.resolver), found, &spot))
		return 0;
	if (spot.mount && !mount_is_known(inward->entered, spot.mount)) {
		inward->entered->stale = true; /* it is newer */
		r = read_now(inward->entered);
	}
	if (r < 0 || !was_elsewhere(inward, path, &spot))
		return r;
	return look_before(inward, path, &spot, request);
}

/* --- the look --------------------------------------------------------------------------------- */

int look_in_entered(struct look_tools *tools, struct look *look, const struct look_request *request)
{
	struct entered *entered = request->entered;
	struct inward inward = { .outside = { .rename = put_inward },
		.tools = tools,
		.entered = entered,
		.look = look };
	int r;

	if (!entered->tools.resolver) {
		look->guess = CLOSED;
		return look_into(&(struct look_tools){ 0 }, look, request);
	}
	if (entered->tools.refreshed != tools->refreshed)
		entered_refresh(entered);
	entered->tools.refreshed = tools->refreshed;
	r = read_tables(entered);
	if (r == 0)
		r = look_with(tools, &entered->tools, look, request);
	if (r == 0)
		r = look_where_it_was(&inward, request);
	if (r != 0)
		return r < 0 ? r : 0;
	return look_put_outside(tools, look, &inward.outside);
}
