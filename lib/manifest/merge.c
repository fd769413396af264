/* Adds all facts of one manifest to another. */
#include "lib/manifest/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/manifest/model.h"

static const char *text_of(const struct manifest *m, string_number number)
{
	return strings_at(&m->strings, number).bytes;
}

static const char *executable_path(const struct manifest *m, uint32_t place)
{
	const struct executable_entry *entry = table_at(&m->executables, place);

	return text_of(m, entry->path);
}

static const char *text_or_null(const struct manifest *m, string_number number)
{
	return number ? text_of(m, number) : NULL;
}

static int merge_executables(struct manifest *into, const struct manifest *from)
{
	int r = 0;

	for (uint32_t i = 0; i < from->executables.count && !r; i++) {
		const struct executable_entry *entry = table_at(&from->executables, i);

		r = manifest_add_executable(into, text_of(from, entry->path),
			text_or_null(from, entry->interpreter), entry->watched, entry->runs,
			entry->first);
	}
	for (uint32_t i = 0; i < from->executes.count && !r; i++) {
		const struct pair_entry *edge = table_at(&from->executes, i);

		r = manifest_add_executes(into, executable_path(from, edge->key.owner),
			executable_path(from, edge->key.by));
	}
	return r;
}

static struct file_state state_of(const struct manifest *m, const struct file_entry *entry)
{
	struct file_state state = {
		.type = entry->type,
		.size = entry->size,
		.mode = entry->mode,
		.uid = entry->uid,
		.gid = entry->gid,
		.has_sha256 = entry->has_sha256,
		.target = text_or_null(m, entry->target),
	};

	memcpy(state.sha256, entry->sha256, sizeof(state.sha256));
	if (entry->package) {
		const struct package_entry *package = table_at(&m->packages, entry->package - 1);

		state.manager = text_of(m, package->key.manager);
		state.package = text_of(m, package->key.name);
		state.package_version = text_of(m, package->key.version);
		state.architecture = text_of(m, package->key.architecture);
	}
	return state;
}

static int merge_files(struct manifest *into, const struct manifest *from)
{
	int r = 0;

	for (uint32_t i = 0; i < from->files.count && !r; i++) {
		const struct file_entry *entry = table_at(&from->files, i);
		struct file_state state = state_of(from, entry);

		r = manifest_add_use(into, text_of(from, entry->path), 0, NULL);
		if (!r && entry->present)
			r = manifest_set_state(into, text_of(from, entry->path), &state);
	}
	for (uint32_t i = 0; i < from->uses.count && !r; i++) {
		const struct use_entry *use = table_at(&from->uses, i);
		const struct file_entry *file = table_at(&from->files, use->key.owner);

		r = manifest_add_use(into, text_of(from, file->path), use->access,
			executable_path(from, use->key.by));
	}
	return r;
}

static int merge_description(
	struct manifest *into, const struct manifest *from, const struct library_entry *entry)
{
	struct interned joined = strings_at(&from->strings, entry->needed);
	const char *end = joined.bytes + joined.size;
	/* Each name takes at least one byte, its NUL. */
	autofree const char **names = malloc((joined.size + 1) * sizeof(*names));
	struct library_info info = {
		.soname = text_of(from, entry->soname),
		.build_id = text_of(from, entry->build_id),
		.needed = names,
	};

	if (!names)
		return -ENOMEM;
	for (const char *name = joined.bytes; name < end; name += strlen(name) + 1)
		names[info.n_needed++] = name;
	return manifest_set_library(into, text_of(from, entry->path), &info);
}

static int merge_libraries(struct manifest *into, const struct manifest *from)
{
	int r = 0;

	for (uint32_t i = 0; i < from->libraries.count && !r; i++)
		r = merge_description(into, from, table_at(&from->libraries, i));
	for (uint32_t i = 0; i < from->loaders.count && !r; i++) {
		const struct loader_entry *loader = table_at(&from->loaders, i);
		const struct library_entry *library =
			table_at(&from->libraries, loader->key.library);

		r = manifest_add_loader(into, text_of(from, library->path),
			executable_path(from, loader->key.by), loader->key.loaded,
			text_or_null(from, loader->key.requester));
	}
	return r;
}

static int merge_endpoints(struct manifest *into, const struct manifest *from)
{
	int r = 0;

	for (uint32_t i = 0; i < from->endpoints.count && !r; i++) {
		const struct endpoint_entry *entry = table_at(&from->endpoints, i);

		r = manifest_add_endpoint(
			into, entry->key.operation, text_of(from, entry->key.address), NULL);
	}
	for (uint32_t i = 0; i < from->connected.count && !r; i++) {
		const struct pair_entry *pair = table_at(&from->connected, i);
		const struct endpoint_entry *entry = table_at(&from->endpoints, pair->key.owner);

		r = manifest_add_endpoint(into, entry->key.operation,
			text_of(from, entry->key.address), executable_path(from, pair->key.by));
	}
	return r;
}

static int merge_missing(struct manifest *into, const struct manifest *from)
{
	int r = 0;

	for (uint32_t i = 0; i < from->missing.count && !r; i++) {
		const struct missing_entry *entry = table_at(&from->missing, i);

		r = manifest_add_missing(into, text_of(from, entry->path), NULL);
	}
	for (uint32_t i = 0; i < from->looked.count && !r; i++) {
		const struct pair_entry *pair = table_at(&from->looked, i);
		const struct missing_entry *entry = table_at(&from->missing, pair->key.owner);

		r = manifest_add_missing(
			into, text_of(from, entry->path), executable_path(from, pair->key.by));
	}
	return r;
}

static int merge_gaps_and_runs(struct manifest *into, const struct manifest *from)
{
	int r = 0;

	for (uint32_t i = 0; i < from->gaps.count && !r; i++) {
		const struct gap_entry *gap = table_at(&from->gaps, i);

		r = manifest_add_gap(into, text_of(from, gap->key.kind),
			text_or_null(from, gap->key.path), text_of(from, gap->key.detail),
			gap->count);
	}
	for (uint32_t i = 0; i < from->runs.count && !r; i++) {
		const struct run_entry *run = table_at(&from->runs, i);

		r = manifest_add_run(into, text_of(from, run->key.host), run->key.started_ns,
			run->ended_ns, run->processes, run->records);
	}
	return r;
}

int manifest_merge(struct manifest *into, const struct manifest *from)
{
	int r;

	if (into == from)
		return 0;
	r = merge_executables(into, from);
	if (!r)
		r = merge_files(into, from);
	if (!r)
		r = merge_libraries(into, from);
	if (!r)
		r = merge_endpoints(into, from);
	if (!r)
		r = merge_missing(into, from);
	return r ? r : merge_gaps_and_runs(into, from);
}
