#define _GNU_SOURCE
#include "preload/linker/library_search.h"

#include <fcntl.h>
#include <stddef.h>

#include "preload/descriptor.h"
#include "preload/hooks/symbols.h"
#include "preload/image.h"
#include "preload/preloads.h"
#include "preload/rawcall.h"
#include "preload/text.h"
#include "proto/session_memory.h"

/* Used for few programs, once, when the image starts. Too large for the stack. */
static char command_line[FP_PATH_SIZE_MAX] DATA_SELDOM;
static char program_path[FP_PATH_SIZE_MAX] DATA_SELDOM;

static bool begins(struct span span, const char *prefix)
{
	size_t size = text_length(prefix);

	return span.size >= size && !memcmp(span.text, prefix, size);
}

static struct span after(struct span span, size_t size)
{
	return (struct span){ span.text + size, span.size - size };
}

/* The folder that a path names something in. */
static struct span folder_of(struct span path)
{
	while (path.size && path.text[path.size - 1] != '/')
		path.size--;
	if (path.size > 1)
		path.size--;
	return path;
}

/* Is this the name of a folder for libraries that are built for certain processors
 * (glibc-hwcaps)? */
static bool is_of_processor(struct span name)
{
	static const char *const names[] = { "glibc-hwcaps", "x86-64-v2", "x86-64-v3", "x86-64-v4",
		"tls", "haswell", "xeon_phi", "avx512_1", "x86_64" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (name.size == text_length(names[i]) && begins(name, names[i]))
			return true;
	return false;
}

/* Would a search in the folder before it find `path`? */
static bool is_file_below(struct span path)
{
	if (!begins(path, "/"))
		return false;
	path = after(path, 1);
	for (size_t i = 0; i < path.size; i++) {
		if (path.text[i] != '/')
			continue;
		if (!is_of_processor((struct span){ path.text, i }))
			return false;
		path = after(path, i + 1);
		i = (size_t)-1;
	}
	return true;
}

/* Bytes of the token ($NAME or ${NAME}) that `text` begins with, 0: it does not. */
static size_t token_size(struct span text, const char *name)
{
	size_t size = text_length(name);

	if (!begins(text, "$"))
		return 0;
	if (begins(after(text, 1), name))
		return 1 + size;
	if (!begins(after(text, 1), "{") || !begins(after(text, 2), name) ||
		!begins(after(text, 2 + size), "}"))
		return 0;
	return size + 3;
}

/* Was `path` found in `folder`, of a list? */
static bool folder_holds(struct span folder, struct span origin, struct span path)
{
	static const char *const unknown[] = { "LIB", "PLATFORM" };

	for (; folder.size && folder.text[0] != '$';
		folder = after(folder, 1), path = after(path, 1))
		if (!path.size || folder.text[0] != path.text[0])
			return false;
	if (!folder.size)
		return is_file_below(path);
	if (token_size(folder, "ORIGIN")) {
		if (path.size < origin.size || memcmp(path.text, origin.text, origin.size))
			return false;
		return folder_holds(after(folder, token_size(folder, "ORIGIN")), origin,
			after(path, origin.size));
	}
	/* What these stand for was chosen when the dynamic linker was built, so they may be
	 * anything. */
	for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		for (size_t skip = 0; token_size(folder, unknown[i]) && skip <= path.size; skip++)
			if (folder_holds(after(folder, token_size(folder, unknown[i])), origin,
				    after(path, skip)))
				return true;
	return false;
}

/* Was `path` found in one of the folders in `list` (LD_LIBRARY_PATH, DT_RPATH, DT_RUNPATH)? */
static bool list_holds(const char *list, struct span origin, const char *path)
{
	while (list && *list) {
		struct span folder = { list, 0 };

		while (list[folder.size] && list[folder.size] != ':' && list[folder.size] != ';')
			folder.size++;
		list += folder.size + (list[folder.size] != '\0');
		while (folder.size && folder.text[folder.size - 1] == '/')
			folder.size--;
		if (folder_holds(folder, origin, span_of(path)))
			return true;
	}
	return false;
}

static const char *dynamic_string(const struct link_map *map, ElfW(Sxword) tag)
{
	const char *strings = symbol_strings(map);

	for (const ElfW(Dyn) *d = map->l_ld; strings && d && d->d_tag != DT_NULL; d++)
		if (d->d_tag == tag)
			return strings + d->d_un.d_val;
	return NULL;
}

static bool needs(const struct link_map *map, const char *name)
{
	const char *strings = symbol_strings(map);

	for (const ElfW(Dyn) *d = map->l_ld; strings && d && d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_NEEDED && text_equal(strings + d->d_un.d_val, name))
			return true;
	return false;
}

/* The object that this one was loaded for: objects are listed in the order in which their needs
 * were met. NULL: no object needs a library of this name. */
static const struct link_map *requester_of(const struct link_map *object)
{
	const char *name = text_file_name(object->l_name);

	for (const struct link_map *map = symbol_link_map(); map && map != object;
		map = map->l_next)
		if (!symbol_is_vdso(map) && needs(map, name))
			return map;
	return NULL;
}

/* What $ORIGIN stands for in an object's run path. */
static struct span origin_of(struct library_search *search, const struct link_map *map)
{
	long size;

	if (map != symbol_link_map())
		return folder_of(span_of(map->l_name));
	if (!search->program) {
		size = rawcall3(SYS_readlink, (long)"/proc/self/exe", (long)program_path,
			sizeof(program_path) - 1);
		program_path[size < 0 ? 0 : size] = '\0';
		search->program = program_path;
	}
	return folder_of(span_of(search->program));
}

static bool run_path_holds(struct library_search *search, const struct link_map *map,
	const char *list, const char *path)
{
	struct span origin = { "", 0 };

	for (const char *p = list; p && *p; p++)
		if (*p == '$') {
			origin = origin_of(search, map);
			break;
		}
	return list_holds(list, origin, path);
}

/* glibc searches the object's own DT_RUNPATH, or else its DT_RPATH and that of all objects that it
 * was loaded for. musl searches those of all of these, whichever they have. */
static bool run_paths_hold(
	struct library_search *search, const struct link_map *requester, const char *path)
{
	const struct link_map *program = symbol_link_map();
	const struct link_map *map = requester ? requester : program;

	for (bool first = true; map; first = false) {
		const char *list = dynamic_string(map, DT_RUNPATH);
		bool counts = first || !search->is_glibc;

		if (list && counts && run_path_holds(search, map, list, path))
			return true;
		if (list && first && search->is_glibc)
			return false;
		if (!list && run_path_holds(search, map, dynamic_string(map, DT_RPATH), path))
			return true;
		if (map == program)
			return false;
		map = requester_of(map);
		map = map ? map : program;
	}
	return false;
}

/* Needed under a name with a slash, which is a path. */
static bool is_needed_by_path(const struct link_map *object)
{
	for (const struct link_map *map = symbol_link_map(); map && map != object;
		map = map->l_next)
		if (!symbol_is_vdso(map) && needs(map, object->l_name))
			return true;
	return false;
}

bool library_search_used(struct library_search *search, const struct link_map *object)
{
	const char *path = object->l_name;
	const struct link_map *requester;

	if (search->never || path[0] != '/' || preloads_hold(search->preloads, path) ||
		list_holds(search->directories, (struct span){ "", 0 }, path))
		return false;
	requester = requester_of(object);
	if (!requester && is_needed_by_path(object))
		return false;
	return !run_paths_hold(search, requester, path);
}

/* The dynamic linker's options stand before the program. It has removed them from the arguments. */
static void read_options(struct library_search *search)
{
	char *line = command_line, *end;
	int fd CLEANUP_FD = (int)rawcall4(
		SYS_openat, AT_FDCWD, (long)"/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
	long size = fd < 0 ? 0 : rawcall3(SYS_read, fd, (long)line, sizeof(command_line) - 1);

	end = line + (size < 0 ? 0 : size);
	*end = '\0';
	for (char *p = line + text_length(line) + 1; p < end && p[0] == '-';
		p += text_length(p) + 1) {
		if (text_equal(p, "--inhibit-cache"))
			search->never = search->is_glibc;
		else if (text_begins(p, "--library-path="))
			search->directories = p + sizeof("--library-path=") - 1;
		else if (text_equal(p, "--library-path"))
			search->directories = p += text_length(p) + 1;
		else if (text_equal(p, "--preload") || text_equal(p, "--argv0") ||
			 text_equal(p, "--audit") || text_equal(p, "--inhibit-rpath"))
			p += text_length(p) + 1;
		if (p >= end)
			break;
	}
}

/* Is the entry this variable? The first one of a name counts. */
static bool takes(const char *entry, const char *name, const char **value)
{
	if (!text_begins(entry, name))
		return false;
	if (!*value)
		*value = entry + text_length(name);
	return true;
}

static void read_environment(struct library_search *search, char *const *envp)
{
	const char *auditors = NULL;

	search->directories = search->preloads = NULL;
	for (; envp && *envp; envp++)
		if (text_begins(*envp, "LD_") &&
			!takes(*envp, "LD_LIBRARY_PATH=", &search->directories) &&
			!takes(*envp, "LD_PRELOAD=", &search->preloads))
			takes(*envp, "LD_AUDIT=", &auditors);
	search->audited = auditors && *auditors;
}

void library_search_init(struct library_search *search, const struct entry *entry, bool is_glibc,
	bool linker_is_program)
{
	read_environment(search, entry->envp);
	search->is_glibc = is_glibc;
	search->never = false;
	search->program = NULL;
	if (linker_is_program)
		read_options(search);
}
