#include "lib/manifest/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/utf8.h"
#include "lib/manifest/model.h"

#define NO_EXECUTABLE TABLE_NONE

#define ACCESS_ALL                                                                                 \
	(ACCESS_READ | ACCESS_WRITE | ACCESS_CREATE | ACCESS_DELETE | ACCESS_RENAME |              \
		ACCESS_METADATA | ACCESS_EXEC | ACCESS_LOAD | ACCESS_LIST | ACCESS_CHECK |         \
		ACCESS_UNOBSERVED)

int manifest_new(const char *application, const char *version, struct manifest **ret)
{
	struct manifest *m = malloc(sizeof(*m));

	if (!m)
		return -ENOMEM;
	*m = (struct manifest){
		.executables = TABLE_OF(struct executable_entry, path),
		.packages = TABLE_OF(struct package_entry, key),
		.files = TABLE_OF(struct file_entry, path),
		.libraries = TABLE_OF(struct library_entry, path),
		.endpoints = TABLE_OF(struct endpoint_entry, key),
		.missing = TABLE_OF(struct missing_entry, path),
		.gaps = TABLE_OF(struct gap_entry, key),
		.runs = TABLE_OF(struct run_entry, key),
		.executes = TABLE_OF(struct pair_entry, key),
		.uses = TABLE_OF(struct use_entry, key),
		.loaders = TABLE_OF(struct loader_entry, key),
		.connected = TABLE_OF(struct pair_entry, key),
		.looked = TABLE_OF(struct pair_entry, key),
	};
	manifest_name_sanitise(application, "unnamed", m->application);
	manifest_name_sanitise(version, "unversioned", m->version);
	*ret = m;
	return 0;
}

void manifest_free(struct manifest *m)
{
	if (!m)
		return;
	manifest_forget_view(m);
	strings_deinit(&m->strings);
	table_deinit(&m->executables);
	table_deinit(&m->packages);
	table_deinit(&m->files);
	table_deinit(&m->libraries);
	table_deinit(&m->endpoints);
	table_deinit(&m->missing);
	table_deinit(&m->gaps);
	table_deinit(&m->runs);
	table_deinit(&m->executes);
	table_deinit(&m->uses);
	table_deinit(&m->loaders);
	table_deinit(&m->connected);
	table_deinit(&m->looked);
	free(m);
}

const char *manifest_application(const struct manifest *m)
{
	return m->application;
}

const char *manifest_version(const struct manifest *m)
{
	return m->version;
}

size_t manifest_text_size(const struct manifest *m)
{
	return m->strings.arena.total;
}

void manifest_forget_view(struct manifest *m)
{
	m->view = NULL;
	arena_clear(&m->view_arena);
}

/* --- strings --- */

int manifest_intern_bytes(struct manifest *m, const char *bytes, string_number *ret)
{
	return strings_add(&m->strings, bytes ? bytes : "", bytes ? strlen(bytes) : 0, ret);
}

static int intern_path(struct manifest *m, const char *path, string_number *ret)
{
	return manifest_path_is_canonical(path) ? manifest_intern_bytes(m, path, ret) : -EINVAL;
}

/* protobuf strings must be UTF-8; names from ELF files and host names may not be. */
int manifest_intern_text(struct manifest *m, const char *text, string_number *ret)
{
	size_t size = text ? strlen(text) : 0;
	autofree char *escaped = NULL;

	if (utf8_valid(text, size))
		return strings_add(&m->strings, text, size, ret);
	escaped = malloc(size * UTF8_ESCAPED_SIZE);
	if (!escaped)
		return -ENOMEM;
	return strings_add(&m->strings, escaped, utf8_escape(text, size, escaped), ret);
}

/* --- entries named by a path --- */

int manifest_add_path(struct manifest *m, struct table *table, const char *path, uint32_t *ret)
{
	string_number number;
	int r;

	manifest_forget_view(m);
	r = intern_path(m, path, &number);
	if (r < 0)
		return r;
	return table_add(table, &number, ret);
}

static int add_by(struct manifest *m, const char *by, uint32_t *ret)
{
	*ret = NO_EXECUTABLE;
	return by ? manifest_add_path(m, &m->executables, by, ret) : 0;
}

/* Adds the executable to the owner's, unless none is named. */
static int add_pair(struct table *table, uint32_t owner, uint32_t by)
{
	struct pair_key key = { owner, by };
	uint32_t place;

	return by == NO_EXECUTABLE ? 0 : table_add(table, &key, &place);
}

/* --- files --- */

static int add_access(struct manifest *m, uint32_t file, uint32_t by, uint32_t access)
{
	struct pair_key key = { file, by };
	struct use_entry *use;
	uint32_t place;

	if (!access || by == NO_EXECUTABLE)
		return 0;
	if (table_add(&m->uses, &key, &place) < 0)
		return -ENOMEM;
	use = table_at(&m->uses, place);
	use->access |= access;
	return 0;
}

int manifest_add_use(struct manifest *m, const char *path, uint32_t access, const char *by)
{
	uint32_t file, executable;
	int r;

	r = manifest_add_path(m, &m->files, path, &file);
	if (r < 0)
		return r;
	r = add_by(m, by, &executable);
	if (r < 0)
		return r;
	return add_access(m, file, executable, access & ACCESS_ALL);
}

/* --- programs --- */

int manifest_add_executable(struct manifest *m, const char *path, const char *interpreter,
	Footprint__Watched watched, uint64_t images, bool first)
{
	struct executable_entry *entry;
	string_number number;
	uint32_t place;
	int r;

	r = manifest_add_path(m, &m->executables, path, &place);
	if (r < 0)
		return r;
	if (manifest_intern_bytes(m, interpreter, &number) < 0)
		return -ENOMEM;
	entry = table_at(&m->executables, place);
	if (strings_compare(&m->strings, number, entry->interpreter) > 0)
		entry->interpreter = number;
	if (watched > entry->watched)
		entry->watched = watched;
	if (images > entry->runs)
		entry->runs = images;
	entry->first |= first;
	return 0;
}

int manifest_add_executes(struct manifest *m, const char *by, const char *path)
{
	uint32_t parent, child;
	int r;

	r = manifest_add_path(m, &m->executables, by, &parent);
	if (r < 0)
		return r;
	r = manifest_add_path(m, &m->executables, path, &child);
	if (r < 0)
		return r;
	return add_pair(&m->executes, parent, child);
}

/* --- libraries --- */

/* Interns a list of names as one string, in which a NUL follows each: lists can then be compared
 * like strings. */
static int intern_names(struct manifest *m, const char *const *names, size_t n, string_number *ret)
{
	autofree char *joined = NULL;
	size_t room = 0, used = 0;

	for (size_t i = 0; i < n; i++)
		room += strlen(names[i]) * UTF8_ESCAPED_SIZE + 1;
	joined = malloc(room + 1);
	if (!joined)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		used += utf8_escape(names[i], strlen(names[i]), joined + used);
		joined[used++] = '\0';
	}
	return strings_add(&m->strings, joined, used, ret);
}

void manifest_join_library(struct manifest *m, uint32_t library, const struct library_entry *info)
{
	struct library_entry *entry = table_at(&m->libraries, library);
	int order = strings_compare(&m->strings, info->soname, entry->soname);

	if (!order)
		order = strings_compare(&m->strings, info->build_id, entry->build_id);
	if (!order)
		order = strings_compare(&m->strings, info->needed, entry->needed);
	if (order <= 0)
		return;
	entry->soname = info->soname;
	entry->build_id = info->build_id;
	entry->needed = info->needed;
}

int manifest_set_library(struct manifest *m, const char *path, const struct library_info *info)
{
	struct library_entry entry;
	uint32_t library;
	int r;

	r = manifest_add_path(m, &m->libraries, path, &library);
	if (r < 0)
		return r;
	if (manifest_intern_text(m, info->soname, &entry.soname) < 0 ||
		manifest_intern_text(m, info->build_id, &entry.build_id) < 0 ||
		intern_names(m, info->needed, info->n_needed, &entry.needed) < 0)
		return -ENOMEM;
	manifest_join_library(m, library, &entry);
	return 0;
}

int manifest_add_loader(struct manifest *m, const char *path, const char *by,
	Footprint__Loaded loaded, const char *requester)
{
	struct loader_key key = { .loaded = loaded };
	uint32_t place;
	int r;

	r = manifest_add_path(m, &m->libraries, path, &key.library);
	if (r < 0)
		return r;
	r = manifest_add_path(m, &m->executables, by, &key.by);
	if (r < 0)
		return r;
	r = requester ? intern_path(m, requester, &key.requester) : 0;
	if (r < 0)
		return r;
	return table_add(&m->loaders, &key, &place);
}

/* --- endpoints, missing paths, gaps, runs --- */

int manifest_add_endpoint(struct manifest *m, Footprint__EndpointOperation operation,
	const char *address, const char *by)
{
	struct endpoint_key key = { .operation = operation };
	uint32_t endpoint, executable;
	int r;

	manifest_forget_view(m);
	if (manifest_intern_text(m, address, &key.address) < 0 ||
		table_add(&m->endpoints, &key, &endpoint) < 0)
		return -ENOMEM;
	r = add_by(m, by, &executable);
	if (r < 0)
		return r;
	return add_pair(&m->connected, endpoint, executable);
}

int manifest_add_missing(struct manifest *m, const char *path, const char *by)
{
	uint32_t missing, executable;
	int r;

	r = manifest_add_path(m, &m->missing, path, &missing);
	if (r < 0)
		return r;
	r = add_by(m, by, &executable);
	if (r < 0)
		return r;
	return add_pair(&m->looked, missing, executable);
}

int manifest_add_gap(
	struct manifest *m, const char *kind, const char *path, const char *detail, uint64_t count)
{
	struct gap_key key;
	struct gap_entry *gap;
	uint32_t place;

	manifest_forget_view(m);
	if (manifest_intern_text(m, kind, &key.kind) < 0 ||
		manifest_intern_bytes(m, path, &key.path) < 0 ||
		manifest_intern_text(m, detail, &key.detail) < 0 ||
		table_add(&m->gaps, &key, &place) < 0)
		return -ENOMEM;
	gap = table_at(&m->gaps, place);
	if (count > gap->count)
		gap->count = count;
	return 0;
}

int manifest_add_run(struct manifest *m, const char *host, uint64_t started_ns, uint64_t ended_ns,
	uint64_t processes, uint64_t records)
{
	struct run_key key = { .started_ns = started_ns };
	struct run_entry *run;
	uint32_t place;

	manifest_forget_view(m);
	if (manifest_intern_text(m, host, &key.host) < 0 || table_add(&m->runs, &key, &place) < 0)
		return -ENOMEM;
	run = table_at(&m->runs, place);
	if (ended_ns > run->ended_ns)
		run->ended_ns = ended_ns;
	if (processes > run->processes)
		run->processes = processes;
	if (records > run->records)
		run->records = records;
	return 0;
}
