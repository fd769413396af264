#include "lib/root/resolver.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/root/beneath.h"
#include "lib/root/places.h"

struct resolver {
	struct places places;
};

/* A lookup in progress: `at` has been reached, and `rest` is still to be walked. */
struct walk {
	struct places *places;
	struct place *at;
	char *text; /* `rest` points into it; owned */
	const char *rest;
	bool follow;
	unsigned n_followed; /* symlinks so far; at most RESOLVE_LINKS_MAX */
	struct walked_link *links;
	size_t n_links, links_size;
	size_t own_link;	 /* as in struct resolution */
	char name[NAME_MAX + 1]; /* the last component, unless the walk ended in a directory */
	char *target;
	struct stat status;
};

/* What walk_step() returns for one component. */
enum { STEP_ON = 0, STEP_THERE = 1 };

int resolver_new(int rootfd, struct resolver **ret)
{
	autofree struct resolver *r = calloc(1, sizeof(*r));
	int fd, code;

	if (!r)
		return -ENOMEM;
	fd = fcntl(rootfd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	code = places_init(&r->places, fd);
	if (code < 0)
		return code;
	*ret = steal_pointer(r);
	return 0;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	places_deinit(&r->places);
	free(r);
}

int resolver_root(const struct resolver *r)
{
	return r->places.root->fd;
}

void resolver_refresh(struct resolver *r)
{
	places_forget(&r->places);
}

static void walked_links_free(struct walked_link *links, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(links[i].path);
		free(links[i].target);
	}
	free(links);
}

static void walk_deinit(struct walk *walk)
{
	free(walk->text);
	free(walk->target);
	walked_links_free(walk->links, walk->n_links);
}
#define autowalk __attribute__((cleanup(walk_deinit)))

void resolution_deinit(struct resolution *res)
{
	free(res->path);
	free(res->target);
	walked_links_free(res->links, res->n_links);
	*res = (struct resolution){ 0 };
}

/* The canonical path of `name` in `at`, or of `at` itself if the name is "". NULL: there is no
 * memory. */
static char *canonical_path(const struct place *at, const char *name)
{
	size_t directory = place_path_size(at), size = strlen(name);
	char *path = malloc(directory + size + 2);

	if (!path)
		return NULL;
	place_path_before(at, path + directory);
	if (size || !directory)
		path[directory++] = '/';
	memcpy(path + directory, name, size + 1);
	return path;
}

/* Continues the walk with a new text, which it takes ownership of; from the root if that is
 * absolute. */
static void walk_along(struct walk *walk, char *text)
{
	free(walk->text);
	walk->text = text;
	walk->rest = text;
	if (text[0] == '/')
		walk->at = walk->places->root;
}

static int add_link(struct walk *walk, const char *name, const char *target)
{
	struct walked_link *link;

	if (walk->n_links == walk->links_size) {
		size_t size = walk->links_size ? walk->links_size * 2 : 4;
		struct walked_link *links = realloc(walk->links, size * sizeof(*links));

		if (!links)
			return -ENOMEM;
		walk->links = links;
		walk->links_size = size;
	}
	link = &walk->links[walk->n_links];
	link->path = canonical_path(walk->at, name);
	link->target = strdup(target);
	if (!link->path || !link->target) {
		free(link->path);
		free(link->target);
		return -ENOMEM;
	}
	walk->n_links++;
	return 0;
}

/* Follows the symlink `name` in `at`: the walk continues with its target, followed by what was
 * left. */
static int follow_link(struct walk *walk, const char *name, const char *target)
{
	size_t size = strlen(target), left = strlen(walk->rest);
	autofree char *text = NULL;
	int code;

	if (size + left > RESOLVE_TEXT_MAX)
		return -ENAMETOOLONG;
	text = malloc(size + left + 1);
	if (!text)
		return -ENOMEM;
	memcpy(text, target, size);
	memcpy(text + size, walk->rest, left + 1);
	code = add_link(walk, name, target);
	if (code == 0)
		walk_along(walk, steal_pointer(text));
	return code;
}

/* Walks a component that must be a directory, or a symlink to one. */
static int enter(struct walk *walk, const char *name)
{
	struct place *place;
	int code = places_enter(walk->places, walk->at, name, &place);

	if (code < 0)
		return code;
	if (!place->target) {
		walk->at = place;
		return STEP_ON;
	}
	if (place->on_procfs || walk->n_followed++ == RESOLVE_LINKS_MAX)
		return -ELOOP;
	return follow_link(walk, name, place->target);
}

/* Walks the last component. No slash follows it, so it may be anything. */
static int arrive(struct walk *walk, const char *name)
{
	int directory = places_fd(walk->places, walk->at), code;
	autofree char *target = NULL;

	if (directory < 0)
		return directory;
	if (fstatat(directory, name, &walk->status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
		return -errno;
	if (S_ISLNK(walk->status.st_mode)) {
		if (walk->follow &&
			(walk->at->on_procfs || walk->n_followed++ == RESOLVE_LINKS_MAX))
			return -ELOOP;
		code = read_link_at(directory, name, &target);
		if (code < 0) /* -EINVAL: by now, something else has replaced the symlink */
			return code == -EINVAL ? -ENOENT : code;
		if (walk->follow && !walk->own_link)
			walk->own_link = walk->n_links + 1;
		if (walk->follow)
			return follow_link(walk, name, target);
		walk->target = steal_pointer(target);
	}
	strcpy(walk->name, name);
	return STEP_THERE;
}

/* The walk ends in a directory: by "/", "." or "..", or because the path ends in a slash. */
static int arrive_in_directory(struct walk *walk)
{
	int fd = places_fd(walk->places, walk->at);

	if (fd < 0)
		return fd;
	return fstat(fd, &walk->status) < 0 ? -errno : STEP_THERE;
}

/* Walks one component. If that fails, walk->rest still begins with this component. */
static int walk_step(struct walk *walk)
{
	const char *start = walk->rest + strspn(walk->rest, "/");
	size_t size = strcspn(start, "/");
	char name[NAME_MAX + 1];
	int code;

	if (!size)
		return arrive_in_directory(walk);
	if (size > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, start, size);
	name[size] = '\0';
	walk->rest = start + size;
	if (!strcmp(name, ".")) {
		code = STEP_ON;
	} else if (!strcmp(name, "..")) {
		walk->at = walk->at->parent;
		code = STEP_ON;
	} else {
		code = *walk->rest ? enter(walk, name) : arrive(walk, name);
	}
	if (code < 0)
		walk->rest = start;
	return code;
}

static int walk_run(struct walk *walk)
{
	int code;

	do
		code = walk_step(walk);
	while (code == STEP_ON);
	return code == STEP_THERE ? 0 : code;
}

/* Appends the components of `rest` at `end` to the path that begins at `path`, and returns the new
 * end. What does not exist is only text, so ".." removes the name before it. */
static char *append_components(const char *path, char *end, const char *rest)
{
	for (;;) {
		size_t size;

		rest += strspn(rest, "/");
		size = strcspn(rest, "/");
		if (!size)
			return end;
		if (size == 2 && !memcmp(rest, "..", 2)) {
			while (end > path && *--end != '/')
				;
		} else if (size != 1 || rest[0] != '.') {
			*end++ = '/';
			end = mempcpy(end, rest, size);
		}
		rest += size;
	}
}

/* The path of a failed lookup: as far as it exists, then what was left, then `more`. */
static char *unresolved_path(const struct walk *walk, const char *more)
{
	size_t size = place_path_size(walk->at);
	char *path = malloc(size + strlen(walk->rest) + strlen(more) + 3), *end;

	if (!path)
		return NULL;
	place_path_before(walk->at, path + size);
	end = append_components(path, path + size, walk->rest);
	end = append_components(path, end, more);
	if (end == path)
		*end++ = '/';
	*end = '\0';
	return path;
}

static bool is_our_own_failure(int code)
{
	return code == -ENOMEM || code == -EMFILE || code == -ENFILE;
}

/* Returns what the walk has found, or why it ended. `more`: what would have come next. */
static int conclude(struct walk *walk, int code, const char *more, struct resolution *ret)
{
	struct resolution res = { .error = code, .status = walk->status };

	if (is_our_own_failure(code))
		return code;
	res.path = code ? unresolved_path(walk, more) : canonical_path(walk->at, walk->name);
	if (!res.path)
		return -ENOMEM;
	res.links = steal_pointer(walk->links);
	res.n_links = walk->n_links;
	res.own_link = walk->own_link;
	walk->n_links = 0;
	if (!code)
		res.target = steal_pointer(walk->target);
	*ret = res;
	return 0;
}

/* Goes to the directory `base`, and then forgets how it got there. The slash at its end requires a
 * directory. */
static int walk_to_base(struct walk *walk, const char *base)
{
	size_t size = strlen(base);
	char *text = malloc(size + 2);
	int code;

	if (!text)
		return -ENOMEM;
	memcpy(text, base, size);
	memcpy(text + size, "/", 2);
	walk_along(walk, text);
	walk->follow = true;
	code = walk_run(walk);
	walked_links_free(steal_pointer(walk->links), walk->n_links);
	walk->n_links = walk->links_size = walk->own_link = walk->n_followed = 0;
	return code;
}

int resolver_resolve(
	struct resolver *r, const char *base, const char *path, bool follow, struct resolution *ret)
{
	autowalk struct walk walk = { .places = &r->places, .at = r->places.root };
	char *text;
	int code;

	if (r->places.n_places > PLACES_MAX)
		resolver_refresh(r);
	if (strlen(path) + (base ? strlen(base) : 0) > RESOLVE_TEXT_MAX)
		return -ENAMETOOLONG;
	if (path[0] != '/' && base) {
		code = walk_to_base(&walk, base);
		if (code < 0)
			return conclude(&walk, code, path, ret);
	}
	text = strdup(path);
	if (!text)
		return -ENOMEM;
	walk_along(&walk, text);
	walk.follow = follow;
	code = path[0] ? walk_run(&walk) : -ENOENT; /* the kernel's answer to an empty path */
	return conclude(&walk, code, "", ret);
}

bool resolver_is_directory(const struct resolver *r, const char *canonical)
{
	autoclose int fd = beneath_open(resolver_root(r), canonical, O_PATH | O_DIRECTORY);

	return fd >= 0;
}

/* Opens the file of `fd` (O_PATH) for reading, whatever its name refers to by now. */
static int reopen_to_read(struct resolver *r, int fd, const char *canonical, const struct stat *is)
{
	const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(fd)];
	autoclose int again = -1;
	struct stat now;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, flags);
	if (again >= 0 || errno != ENOENT)
		return again < 0 ? -errno : steal_fd(&again);
	/* Without /proc, by its name. O_NONBLOCK keeps a FIFO that has replaced the file from
	 * blocking us. */
	again = beneath_open(resolver_root(r), canonical, flags);
	if (again < 0)
		return again;
	if (fstat(again, &now) < 0)
		return -errno;
	if (now.st_dev != is->st_dev || now.st_ino != is->st_ino)
		return -ESTALE;
	return steal_fd(&again);
}

static int open_regular(struct resolver *r, const char *canonical, struct stat *ret_status)
{
	autoclose int fd = beneath_open(resolver_root(r), canonical, O_PATH);
	struct stat status;
	int opened;

	if (fd < 0)
		return fd;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	opened = reopen_to_read(r, fd, canonical, &status);
	if (opened >= 0 && ret_status)
		*ret_status = status;
	return opened;
}

int resolver_open(struct resolver *r, const char *canonical, struct stat *ret_status)
{
	int fd = open_regular(r, canonical, ret_status);

	if (fd != -EMFILE && fd != -ENFILE)
		return fd;
	places_close_all(&r->places);
	return open_regular(r, canonical, ret_status);
}
