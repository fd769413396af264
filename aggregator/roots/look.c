#include "aggregator/roots/look_parts.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/log.h"
#include "aggregator/roots/entered.h"
#include "aggregator/roots/lexical.h"
#include "lib/base/cleanup.h"

static Footprint__FileType type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return FOOTPRINT__FILE_TYPE__TYPE_FILE;
	case S_IFDIR:
		return FOOTPRINT__FILE_TYPE__TYPE_DIRECTORY;
	case S_IFLNK:
		return FOOTPRINT__FILE_TYPE__TYPE_SYMLINK;
	case S_IFIFO:
		return FOOTPRINT__FILE_TYPE__TYPE_FIFO;
	case S_IFSOCK:
		return FOOTPRINT__FILE_TYPE__TYPE_SOCKET;
	default:
		return FOOTPRINT__FILE_TYPE__TYPE_DEVICE;
	}
}

/* The texts are copied, because looks live longer than the database, which is read again when it
 * changes. */
int look_fill_package(
	struct look_tools *tools, const char *path, struct file_state *state, char **ret_owner)
{
	const struct package *package;
	size_t name, version;
	char *text;
	int r;

	if (tools->no_packages)
		return 0;
	if (!tools->packages) {
		state->ask = tools->ask;
		return 0;
	}
	r = package_database_find(tools->packages, tools->resolver, path, &package);
	if (r < 0 || !package)
		return r;
	name = strlen(package->name) + 1;
	version = strlen(package->version) + 1;
	text = malloc(name + version + strlen(package->architecture) + 1);
	if (!text)
		return -ENOMEM;
	*ret_owner = text;
	state->manager = package->manager;
	state->package = memcpy(text, package->name, name);
	state->package_version = memcpy(text + name, package->version, version);
	state->architecture = strcpy(text + name + version, package->architecture);
	return 0;
}

/* 0 or -ENOMEM. */
static int fill_status(struct look_tools *tools, const char *path, const struct stat *status,
	struct file_state *state, char **ret_owner)
{
	*state = (struct file_state){
		.type = type_of(status->st_mode),
		.mode = status->st_mode & 07777,
		.uid = id_map_inside(&tools->users, status->st_uid),
		.gid = id_map_inside(&tools->groups, status->st_gid),
	};
	if (S_ISREG(status->st_mode))
		state->size = (uint64_t)status->st_size;
	/* A directory belongs to many packages, so naming one would say nothing. */
	return S_ISDIR(status->st_mode) ? 0 : look_fill_package(tools, path, state, ret_owner);
}

/* Looks at a symlink itself: its owner and mode. If it is gone by now, only its type is known. */
static int look_at_link(struct look_tools *tools, struct look_link *link)
{
	struct resolution resolution;
	int r = resolver_resolve(tools->resolver, "/", link->path, false, &resolution);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	link->state =
		(struct file_state){ .type = FOOTPRINT__FILE_TYPE__TYPE_SYMLINK, .mode = 0777 };
	if (!resolution.error && S_ISLNK(resolution.status.st_mode))
		r = fill_status(tools, link->path, &resolution.status, &link->state, &link->owner);
	link->state.target = link->target;
	resolution_deinit(&resolution);
	return r;
}

static int take_links(struct look_tools *tools, struct look *look, struct resolution *resolution)
{
	if (!resolution->n_links)
		return 0;
	look->links = calloc(resolution->n_links, sizeof(*look->links));
	if (!look->links)
		return -ENOMEM;
	look->n_links = resolution->n_links;
	look->own_link = resolution->own_link;
	for (size_t i = 0; i < look->n_links; i++) {
		look->links[i].path = steal_pointer(resolution->links[i].path);
		look->links[i].target = steal_pointer(resolution->links[i].target);
	}
	for (size_t i = 0; i < look->n_links; i++) {
		int r = look_at_link(tools, &look->links[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

/* A file of which no digest can be had stays without one. 0 or -ENOMEM. */
static int take_digest(
	struct look_tools *tools, struct look *look, int fd, const struct stat *status)
{
	int r = digests_get(&tools->digests, fd, status, look->state.sha256);

	look->state.has_sha256 = r == 0;
	return r == -ENOMEM ? r : 0;
}

/* A damaged ELF file is still a file, but needs nothing that we know of. A file that could not be
 * read is trouble. 0 or -ENOMEM. */
static int describe(struct look *look, int fd)
{
	struct error err;
	int r = elf_describe(fd, &look->elf, &err);

	if (r >= 0 || r == -ENOMEM)
		return r < 0 ? r : 0;
	look->elf = (struct elf_info){ .kind = PROGRAM_OTHER };
	if (r == -EBADMSG)
		return 0;
	look->trouble = strdup(err.text);
	return look->trouble ? 0 : -ENOMEM;
}

/* Reads a file: its size, digest and ELF header. 0 also if it is gone or must not be read; then it
 * has no digest. -ENOMEM. */
static int read_file(struct look_tools *tools, struct look *look, bool digest)
{
	struct stat status;
	autoclose int fd = resolver_open(tools->resolver, look->path, &status);
	int r;

	if (fd < 0)
		return fd == -ENOMEM || fd == -EMFILE || fd == -ENFILE ? -ENOMEM : 0;
	look->state.size = (uint64_t)status.st_size;
	r = digest ? take_digest(tools, look, fd, &status) : 0;
	return r == 0 && look->depth >= LOOK_OBJECT ? describe(look, fd) : r;
}

static int look_deeper(struct look_tools *tools, struct look *look, unsigned scripts);

static int look_at_interpreter(struct look_tools *tools, struct look *look, unsigned scripts)
{
	const char *interpreter = look->elf.interpreter;
	int r;

	if (!interpreter || interpreter[0] != '/')
		return 0;
	if (look->elf.kind == PROGRAM_SCRIPT && scripts >= ELF_SHEBANG_DEPTH)
		return 0;
	r = look_at(tools,
		&(struct look_request){
			.raw = interpreter, .follow = true, .depth = LOOK_CONTENT, .digest = true },
		&look->interpreter);
	if (r < 0 || look->elf.kind != PROGRAM_SCRIPT)
		return r;
	look->interpreter->depth = LOOK_OBJECT;
	return look_deeper(tools, look->interpreter, scripts + 1);
}

/* Describes what is there, down to the depth that the look asks for. */
static int look_deeper(struct look_tools *tools, struct look *look, unsigned scripts)
{
	struct error err;
	int r = 0;

	if (!look->has_state || look->state.type != FOOTPRINT__FILE_TYPE__TYPE_FILE)
		return 0;
	if (look->elf.kind == PROGRAM_OTHER)
		r = read_file(tools, look, !look->state.has_sha256);
	if (r == 0)
		r = look_at_interpreter(tools, look, scripts);
	if (r < 0 || look->depth < LOOK_PROGRAM || look->elf.kind != PROGRAM_ELF)
		return r;
	r = elf_closure_find(tools->resolver, look->path, &look->closure, &err);
	if (r == 0 || r == -ENOMEM)
		return r;
	look->closure = (struct elf_closure){ 0 };
	look->trouble = strdup(err.text);
	return look->trouble ? 0 : -ENOMEM;
}

static int take_resolution(
	struct look_tools *tools, struct look *look, struct resolution *resolution)
{
	int r;

	look->path = steal_pointer(resolution->path);
	look->error = resolution->error;
	r = take_links(tools, look, resolution);
	if (r < 0 || look->error)
		return r;
	r = fill_status(tools, look->path, &resolution->status, &look->state, &look->owner);
	look->has_state = true;
	look->target = steal_pointer(resolution->target);
	look->state.target = look->target;
	return r;
}

/* Without a way into the root, the text of the path is all there is. */
static int look_from_outside(struct look *look, const char *raw)
{
	look->path = lexical_tidy(raw);
	look->error = -EXDEV;
	return look->path ? 0 : -ENOMEM;
}

int look_into(struct look_tools *tools, struct look *look, const struct look_request *request)
{
	struct resolution resolution;
	int r;

	if (!tools->resolver)
		return look_from_outside(look, request->raw);
	r = resolver_resolve(tools->resolver, "/", request->raw, request->follow, &resolution);
	if (r == -ENAMETOOLONG)
		return look_from_outside(look, request->raw);
	if (r < 0)
		return r;
	r = take_resolution(tools, look, &resolution);
	resolution_deinit(&resolution);
	if (r < 0 || !look->has_state || look->state.type != FOOTPRINT__FILE_TYPE__TYPE_FILE)
		return r;
	switch (look->depth) {
	case LOOK_PATH:
		return 0;
	case LOOK_CONTENT:
		return request->digest ? read_file(tools, look, true) : 0;
	default:
		return look_deeper(tools, look, 0);
	}
}

/* From a damaged database comes what could be read of it. That is reported once for each root. */
static void report_packages(struct look_tools *tools, const struct error *err)
{
	if (err->code && !tools->reported)
		log_error("packages of a watched root", err);
	tools->reported |= err->code != 0;
}

/* Reads the package database the first time, and again when it has changed. Without one, files
 * belong to no package. The stamp is taken before the database is read, so that a change in between
 * is noticed the next time. */
static int open_packages(struct look_tools *tools)
{
	struct error err = { 0 };
	int r;

	if (tools->packages || tools->no_packages || !tools->resolver)
		return 0;
	r = package_database_stamp(tools->resolver, &tools->packages_stamp);
	if (r == 0)
		r = package_database_open(tools->resolver, &tools->packages, &err);
	report_packages(tools, &err);
	return r;
}

int look_ask_package(
	struct look_tools *tools, const char *path, struct file_state *state, char **ret_owner)
{
	bool none = tools->no_packages;
	int r;

	tools->no_packages = false;
	r = open_packages(tools);
	if (r == 0)
		r = look_fill_package(tools, path, state, ret_owner);
	tools->no_packages = none;
	return r;
}

int look_for_package(
	struct look_tools *tools, const char *path, struct file_state *state, char **ret_owner)
{
	int r = open_packages(tools);

	*state = (struct file_state){ 0 };
	*ret_owner = NULL;
	return r < 0 ? r : look_fill_package(tools, path, state, ret_owner);
}

void look_tools_refresh(struct look_tools *tools, bool packages)
{
	uint64_t stamp;

	if (!tools->resolver)
		return;
	resolver_refresh(tools->resolver);
	tools->refreshed++;
	inner_root_free(tools->inner);
	tools->inner = NULL;
	if (!packages || !tools->packages || package_database_stamp(tools->resolver, &stamp) < 0 ||
		stamp == tools->packages_stamp)
		return;
	package_database_free(tools->packages);
	tools->packages = NULL;
}

static struct look *look_new(enum look_depth depth)
{
	static _Atomic uint64_t last_serial;
	struct look *look = calloc(1, sizeof(*look));

	if (!look)
		return NULL;
	look->references = 1;
	look->serial = ++last_serial;
	look->depth = depth;
	return look;
}

int look_at_letters(const char *raw, enum look_depth depth, const char *why, struct look **ret)
{
	struct look *look = look_new(depth);

	if (!look || look_from_outside(look, raw) < 0) {
		look_unref(look);
		return -ENOMEM;
	}
	look->guess = why;
	*ret = look;
	return 0;
}

int look_at(struct look_tools *tools, const struct look_request *request, struct look **ret)
{
	struct look *look = look_new(request->depth);
	int r;

	if (!look)
		return -ENOMEM;
	r = tools->ask ? 0 : open_packages(tools);
	if (r == 0 && request->entered && tools->resolver)
		r = look_in_entered(tools, look, request);
	else if (r == 0 && request->root_size && tools->resolver)
		r = look_in_chroot(tools, look, request);
	else if (r == 0)
		r = look_into(tools, look, request);
	if (r < 0) {
		look_unref(look);
		return r;
	}
	*ret = look;
	return 0;
}

void look_unref(struct look *look)
{
	if (!look || --look->references)
		return;
	look_unref(look->interpreter);
	look_unref(look->hidden);
	free(look->inside);
	for (size_t i = 0; i < look->n_links; i++) {
		free(look->links[i].path);
		free(look->links[i].target);
		free(look->links[i].owner);
	}
	free(look->links);
	elf_info_deinit(&look->elf);
	elf_closure_deinit(&look->closure);
	free(look->trouble);
	free(look->owner);
	free(look->target);
	free(look->path);
	free(look);
}

void look_tools_deinit(struct look_tools *tools)
{
	resolver_free(tools->resolver);
	inner_root_free(tools->inner);
	package_database_free(tools->packages);
	digests_deinit(&tools->digests);
	*tools = (struct look_tools){ 0 };
}

const struct elf_object *look_closure_find(const struct look *program, const char *path)
{
	for (size_t i = 1; i < program->closure.n_objects; i++) {
		const struct elf_object *object = &program->closure.objects[i];

		if (object->path && !strcmp(object->path, path))
			return object;
	}
	return NULL;
}
