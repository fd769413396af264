/*
 * Looks in an entered root, told with the names that the container has for what is there
 * (entered_names.h).
 *
 * A sandbox is made in haste, and what was mounted while it was made is gone when we look. Then the
 * tables of that time tell where it came from, and it is looked for there, in the container's root.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/roots/entered.h"
#include "aggregator/roots/entered_names.h"
#include "aggregator/roots/entered_tables.h"
#include "aggregator/roots/look_parts.h"
#include "lib/base/cleanup.h"

#define NO_NAME                                                                                    \
	"files of another root directory, whose names in the container are not known: they are "   \
	"as the program gave them"
#define CLOSED "paths in a root directory that is gone: they are as the program gave them"

struct inward {
	struct outside outside;
	struct look_tools *tools; /* the container's */
	struct entered *entered;
	struct look *look;
};

/* May packages be installed in this root, apart from the container's? */
static int is_own_root(struct inward *inward, bool *ret)
{
	struct entered *entered = inward->entered;
	autofree char *name = NULL;
	struct spot spot;
	int r;

	if (entered->is_own == OWN_UNKNOWN) {
		char top[] = "/";

		r = spot_find(resolver_root(entered->tools.resolver), top, &spot)
			    ? entered_name(entered, resolver_root(inward->tools->resolver), "/",
				      &spot, &name)
			    : NAME_UNKNOWN;
		if (r < 0)
			return r;
		entered->is_own = r == NAME_OWN ? OWN_ROOT : NOT_OWN;
	}
	*ret = entered->is_own == OWN_ROOT;
	return 0;
}

/* Whose database of packages may know the file. */
static int find_packages(struct inward *inward, enum entered_name name, struct look_tools **ret)
{
	bool own = false;
	int r = name == NAME_OWN ? is_own_root(inward, &own) : 0;

	*ret = name == NAME_KNOWN ? inward->tools : own ? &inward->entered->tools : NULL;
	return r;
}

static int put_inward(struct outside *outside, char **path, struct look_tools **ret_packages)
{
	struct inward *inward = (struct inward *)outside;
	autofree char *found = strdup(*path), *name = NULL, *whole = NULL;
	struct spot spot;
	int r = found ? 0 : -ENOMEM;

	if (r == 0)
		r = spot_find(resolver_root(inward->entered->tools.resolver), found, &spot)
			    ? entered_name(inward->entered, resolver_root(inward->tools->resolver),
				      found, &spot, &name)
			    : NAME_UNKNOWN;
	if (r < 0)
		return r;
	if (r == NAME_UNKNOWN)
		inward->look->guess = NO_NAME;
	if (r != NAME_KNOWN)
		return find_packages(inward, (enum entered_name)r, ret_packages);
	*ret_packages = inward->tools;
	whole = mount_path(name, *path + spot.size);
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
	char *path = mount_path(usual, below);

	if (!path)
		return -ENOMEM;
	free(look->path);
	look->path = path;
	return 1;
}

static bool mount_is_known(struct entered *entered, uint64_t id)
{
	const struct mounts *tables[ENTERED_TABLES];
	bool known = false;

	entered_tables(entered, tables);
	for (int i = 0; i < ENTERED_TABLES; i++)
		known |= tables[i] && mounts_find(tables[i], id);
	return known;
}

/* Do the tables say that this path was on another mount than it is now? If there is a file now,
 * none of them may say that it was on this one. (Before Linux 5.8 that cannot be known.) */
static bool was_elsewhere(struct inward *inward, const char *path, const struct spot *spot)
{
	const struct mounts *tables[ENTERED_TABLES];
	bool differs = false;

	entered_tables(inward->entered, tables);
	for (int i = 0; i < ENTERED_TABLES; i++) {
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
	const struct mounts *tables[ENTERED_TABLES];
	int r = 0;

	entered_tables(inward->entered, tables);
	for (int i = 0; i < ENTERED_TABLES && r == 0; i++) {
		const struct mount *mount = tables[i] ? mounts_of(tables[i], path) : NULL;
		const char *usual = mount ? mount_usual_point(mount->type) : NULL;

		if (mount && mount->id != spot->mount)
			r = usual ? tell_usual(
					    inward->look, usual, mounts_below(path, mount->point))
				  : look_at_origin(inward, mount, path, request);
	}
	return r == 0 ? inward->look->unmounted : r;
}

/* Looks for what stood at this path before something was mounted over it: where a table of mounts
 * from when the root was entered leads. 0 or our own trouble. */
static int look_at_hidden(struct inward *inward, const char *path, const struct spot *spot,
	const struct look_request *request)
{
	const struct crossing *into = inward->entered->into;
	const struct mount *mount = into ? mounts_of(&into->after, path) : NULL;
	auto_candidates struct candidates candidates = { 0 };
	struct look_request outside = *request;
	autofree char *name = NULL;
	int r = 0;

	if (!mount || mount->id == spot->mount || mount_usual_point(mount->type))
		return 0;
	outside.entered = NULL;
	outside.root_size = 0;
	r = candidates_begin(inward->entered, mount, path, &candidates);
	while (r >= 0 && !inward->look->hidden && (r = candidates_next(&candidates, &name)) > 0) {
		outside.raw = name;
		r = look_at(inward->tools, &outside, &inward->look->hidden);
		free(steal_pointer(name));
		if (r == 0 && inward->look->hidden->error) {
			look_unref(inward->look->hidden);
			inward->look->hidden = NULL;
		}
	}
	return r < 0 ? r : 0;
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
		!spot_find(resolver_root(inward->entered->tools.resolver), found, &spot))
		return 0;
	if (spot.mount && !mount_is_known(inward->entered, spot.mount)) {
		inward->entered->stale = true; /* it is newer */
		r = entered_read_now(inward->entered);
	}
	if (r < 0)
		return r;
	if (!was_elsewhere(inward, path, &spot))
		return look->error ? 0 : look_at_hidden(inward, path, &spot, request);
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
	r = entered_read_tables(entered);
	if (r == 0)
		r = look_with(tools, &entered->tools, look, request);
	if (r == 0)
		r = look_where_it_was(&inward, request);
	if (r != 0)
		return r < 0 ? r : 0;
	free(look->inside);
	look->inside = strdup(look->path);
	return look->inside ? look_put_outside(tools, look, &inward.outside) : -ENOMEM;
}
