#include "lib/manifest/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/manifest/model.h"

/*
 * Each entry of the message's lists gets its own index as its place in the tables. This works
 * because the lists have no duplicates, and because executables, to which the others refer, come
 * first. So no program has to be looked up by its path.
 */

static int intern(struct manifest *m, const ProtobufCBinaryData *bytes, string_number *ret)
{
	return strings_add(&m->strings, bytes->data, bytes->len, ret);
}

static int intern_text(struct manifest *m, const char *text, string_number *ret)
{
	return strings_add(&m->strings, text, strlen(text), ret);
}

static int add_pairs(struct table *table, uint32_t owner, size_t n, const uint32_t *by)
{
	for (size_t i = 0; i < n; i++) {
		struct pair_key key = { owner, by[i] };
		uint32_t place;

		if (table_add(table, &key, &place) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int take_executable(struct manifest *m, const Footprint__Executable *from)
{
	struct executable_entry *entry;
	string_number path, interpreter;
	uint32_t place;

	if (intern(m, &from->path, &path) < 0 || intern(m, &from->interpreter, &interpreter) < 0 ||
		table_add(&m->executables, &path, &place) < 0)
		return -ENOMEM;
	entry = table_at(&m->executables, place);
	entry->interpreter = interpreter;
	entry->runs = from->runs;
	entry->watched = from->watched;
	entry->first = from->first;
	return add_pairs(&m->executes, place, from->n_executes, from->executes);
}

static int take_package(struct manifest *m, const Footprint__Package *from)
{
	struct package_key key;
	uint32_t place;

	if (intern_text(m, from->manager, &key.manager) < 0 ||
		intern_text(m, from->name, &key.name) < 0 ||
		intern_text(m, from->version, &key.version) < 0 ||
		intern_text(m, from->architecture, &key.architecture) < 0)
		return -ENOMEM;
	return table_add(&m->packages, &key, &place);
}

static int take_uses(struct manifest *m, uint32_t file, const Footprint__File *from)
{
	for (size_t i = 0; i < from->n_uses; i++) {
		struct pair_key key = { file, from->uses[i]->by };
		struct use_entry *use;
		uint32_t place;

		if (table_add(&m->uses, &key, &place) < 0)
			return -ENOMEM;
		use = table_at(&m->uses, place);
		use->access = from->uses[i]->access;
	}
	return 0;
}

static int take_file(struct manifest *m, const Footprint__File *from)
{
	struct file_entry *entry;
	string_number path, target;
	uint32_t place;

	if (intern(m, &from->path, &path) < 0 || intern(m, &from->target, &target) < 0 ||
		table_add(&m->files, &path, &place) < 0)
		return -ENOMEM;
	entry = table_at(&m->files, place);
	entry->target = target;
	entry->size = from->size;
	entry->uid = from->uid;
	entry->gid = from->gid;
	entry->package = from->package;
	entry->mode = (uint16_t)from->mode;
	entry->type = (uint8_t)from->type;
	entry->present = from->present;
	entry->has_sha256 = from->sha256.len != 0;
	if (entry->has_sha256)
		memcpy(entry->sha256, from->sha256.data, sizeof(entry->sha256));
	return take_uses(m, place, from);
}

static int join_needed(struct manifest *m, const Footprint__Library *from, string_number *ret)
{
	autofree char *joined = NULL;
	size_t room = 1, used = 0;

	for (size_t i = 0; i < from->n_needed; i++)
		room += strlen(from->needed[i]) + 1;
	joined = malloc(room);
	if (!joined)
		return -ENOMEM;
	for (size_t i = 0; i < from->n_needed; i++) {
		size_t size = strlen(from->needed[i]) + 1;

		memcpy(joined + used, from->needed[i], size);
		used += size;
	}
	return strings_add(&m->strings, joined, used, ret);
}

static int take_library(struct manifest *m, const Footprint__Library *from)
{
	struct library_entry entry;
	uint32_t place;

	if (intern(m, &from->path, &entry.path) < 0 ||
		intern_text(m, from->soname, &entry.soname) < 0 ||
		intern_text(m, from->build_id, &entry.build_id) < 0 ||
		join_needed(m, from, &entry.needed) < 0 ||
		table_add(&m->libraries, &entry.path, &place) < 0)
		return -ENOMEM;
	manifest_join_library(m, place, &entry);
	for (size_t i = 0; i < from->n_loaders; i++) {
		struct loader_key key = { place, from->loaders[i]->by, from->loaders[i]->loaded,
			0 };
		uint32_t loader;

		if (intern(m, &from->loaders[i]->requester, &key.requester) < 0 ||
			table_add(&m->loaders, &key, &loader) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int take_endpoint(struct manifest *m, const Footprint__Endpoint *from)
{
	struct endpoint_key key = { .operation = from->operation };
	uint32_t place;

	if (intern_text(m, from->address, &key.address) < 0 ||
		table_add(&m->endpoints, &key, &place) < 0)
		return -ENOMEM;
	return add_pairs(&m->connected, place, from->n_by, from->by);
}

static int take_missing(struct manifest *m, const Footprint__Missing *from)
{
	string_number path;
	uint32_t place;

	if (intern(m, &from->path, &path) < 0 || table_add(&m->missing, &path, &place) < 0)
		return -ENOMEM;
	return add_pairs(&m->looked, place, from->n_by, from->by);
}

static int take_gap(struct manifest *m, const Footprint__Gap *from)
{
	struct gap_entry *gap;
	struct gap_key key;
	uint32_t place;

	if (intern_text(m, from->kind, &key.kind) < 0 || intern(m, &from->path, &key.path) < 0 ||
		intern_text(m, from->detail, &key.detail) < 0 ||
		table_add(&m->gaps, &key, &place) < 0)
		return -ENOMEM;
	gap = table_at(&m->gaps, place);
	gap->count = from->count;
	return 0;
}

static int take_run(struct manifest *m, const Footprint__Run *from)
{
	return manifest_add_run(
		m, from->host, from->started_ns, from->ended_ns, from->processes, from->records);
}

#define TAKE_ALL(m, message, field, take)                                                          \
	for (size_t i_ = 0; i_ < (message)->n_##field; i_++)                                       \
		if (take((m), (message)->field[i_]) < 0)                                           \
			return -ENOMEM;

static int take_all(struct manifest *m, const Footprint__Manifest *message)
{
	TAKE_ALL(m, message, executables, take_executable)
	TAKE_ALL(m, message, packages, take_package)
	TAKE_ALL(m, message, files, take_file)
	TAKE_ALL(m, message, libraries, take_library)
	TAKE_ALL(m, message, endpoints, take_endpoint)
	TAKE_ALL(m, message, missing, take_missing)
	TAKE_ALL(m, message, gaps, take_gap)
	TAKE_ALL(m, message, runs, take_run)
	return 0;
}

int manifest_from_message(const Footprint__Manifest *message, struct manifest **ret)
{
	auto_manifest struct manifest *m = NULL;

	if (manifest_new(message->application, message->version, &m) < 0 ||
		take_all(m, message) < 0)
		return -ENOMEM;
	*ret = steal_pointer(m);
	return 0;
}
