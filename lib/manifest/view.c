/* The canonical lists of a manifest, as the generated protobuf structs. */
#include "lib/manifest/manifest.h"

#include <errno.h>
#include <string.h>

#include "lib/manifest/codec.h"
#include "lib/manifest/order.h"

/* Takes memory for a list of `n` messages: an array of structs, and the array of pointers that
 * protobuf-c needs. */
#define TAKE_LIST(arena, type, n, ret_pointers)                                                    \
	({                                                                                         \
		type *list_ = arena_take(arena, (n) * sizeof(type));                               \
		type **pointers_ = arena_take(arena, (n) * sizeof(type *));                        \
		for (size_t i_ = 0; list_ && pointers_ && i_ < (n); i_++)                          \
			pointers_[i_] = &list_[i_];                                                \
		(ret_pointers) = pointers_;                                                        \
		pointers_ ? list_ : NULL;                                                          \
	})

struct building {
	const struct manifest *m;
	struct arena *arena;
	Footprint__Manifest *view;
	struct order executables;
	struct order packages;
};

static char *text_of(const struct building *b, string_number number)
{
	return (char *)strings_at(&b->m->strings, number).bytes;
}

static ProtobufCBinaryData bytes_of(const struct building *b, string_number number)
{
	struct interned string = strings_at(&b->m->strings, number);

	return (ProtobufCBinaryData){ string.size, (uint8_t *)string.bytes };
}

/* The ranks of the executables that an owner's pairs name. */
static int put_pairs(struct building *b, const struct table *table, const struct groups *groups,
	uint32_t owner, size_t *ret_n, uint32_t **ret)
{
	uint32_t first = groups->first[owner], n = groups->first[owner + 1] - first;
	uint32_t *ranks;

	if (!n)
		return 0;
	ranks = arena_take(b->arena, n * sizeof(*ranks));
	if (!ranks)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		const struct pair_entry *pair = table_at(table, groups->places[first + i]);

		ranks[i] = b->executables.ranks[pair->key.by];
	}
	*ret_n = n;
	*ret = ranks;
	return 0;
}

static int group(
	struct building *b, const struct table *table, uint32_t n_owners, struct groups *ret)
{
	return groups_make(b->m, table, n_owners, b->executables.ranks, b->arena, ret);
}

static int put_executables(struct building *b)
{
	const struct table *table = &b->m->executables;
	Footprint__Executable *list =
		TAKE_LIST(b->arena, Footprint__Executable, table->count, b->view->executables);
	struct groups executed;

	if (!list || group(b, &b->m->executes, table->count, &executed) < 0)
		return -ENOMEM;
	b->view->n_executables = table->count;
	for (uint32_t i = 0; i < table->count; i++) {
		uint32_t place = b->executables.places[i];
		const struct executable_entry *entry = table_at(table, place);

		footprint__executable__init(&list[i]);
		list[i].path = bytes_of(b, entry->path);
		list[i].interpreter = bytes_of(b, entry->interpreter);
		list[i].runs = entry->runs;
		list[i].watched = entry->watched;
		list[i].first = entry->first;
		if (put_pairs(b, &b->m->executes, &executed, place, &list[i].n_executes,
			    &list[i].executes) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Only packages that a file refers to are shown: a look that does not count may have named another
 * one. */
static int order_used_packages(struct building *b)
{
	uint32_t used = 0;
	bool *named = arena_take(b->arena, b->m->packages.count);

	if (!named ||
		order_make(b->m, &b->m->packages, order_of_packages, b->arena, &b->packages) < 0)
		return -ENOMEM;
	memset(named, 0, b->m->packages.count);
	for (uint32_t i = 0; i < b->m->files.count; i++) {
		const struct file_entry *file = table_at(&b->m->files, i);

		if (file->package)
			named[file->package - 1] = true;
	}
	for (uint32_t i = 0; i < b->packages.count; i++) {
		uint32_t place = b->packages.places[i];

		if (!named[place])
			continue;
		b->packages.places[used] = place;
		b->packages.ranks[place] = used++;
	}
	b->packages.count = used;
	return 0;
}

static int put_packages(struct building *b)
{
	Footprint__Package *list;

	if (order_used_packages(b) < 0)
		return -ENOMEM;
	list = TAKE_LIST(b->arena, Footprint__Package, b->packages.count, b->view->packages);
	if (!list)
		return -ENOMEM;
	b->view->n_packages = b->packages.count;
	for (uint32_t i = 0; i < b->packages.count; i++) {
		const struct package_entry *entry =
			table_at(&b->m->packages, b->packages.places[i]);

		footprint__package__init(&list[i]);
		list[i].manager = text_of(b, entry->key.manager);
		list[i].name = text_of(b, entry->key.name);
		list[i].version = text_of(b, entry->key.version);
		list[i].architecture = text_of(b, entry->key.architecture);
	}
	return 0;
}

/* What was observed makes the assumption unnecessary: for one program and library, only one is
 * shown. */
static uint32_t shown_access(uint32_t access)
{
	return access & ACCESS_LOAD ? access & ~(uint32_t)ACCESS_UNOBSERVED : access;
}

static int put_uses(struct building *b, const struct groups *groups, uint32_t file,
	Footprint__File *ret, uint32_t *ret_access)
{
	uint32_t first = groups->first[file], n = groups->first[file + 1] - first;
	Footprint__Use *list = TAKE_LIST(b->arena, Footprint__Use, n, ret->uses);

	*ret_access = 0;
	if (!list)
		return -ENOMEM;
	ret->n_uses = n;
	for (uint32_t i = 0; i < n; i++) {
		const struct use_entry *use = table_at(&b->m->uses, groups->places[first + i]);

		footprint__use__init(&list[i]);
		list[i].by = b->executables.ranks[use->key.by];
		list[i].access = shown_access(use->access);
		*ret_access |= use->access;
	}
	return 0;
}

/* Content that the application changes belongs to the run, not to the version. A path that was a
 * regular file in one run and something else in another has no content either. (FileType's values
 * are ordered; the greater one counts.) */
static void put_content(const struct file_entry *entry, uint32_t access, Footprint__File *ret)
{
	if ((access & ACCESS_CHANGES) || entry->type != FOOTPRINT__FILE_TYPE__TYPE_FILE)
		return;
	ret->size = entry->size;
	if (entry->has_sha256)
		ret->sha256 =
			(ProtobufCBinaryData){ sizeof(entry->sha256), (uint8_t *)entry->sha256 };
}

static int put_files(struct building *b)
{
	const struct table *table = &b->m->files;
	Footprint__File *list = TAKE_LIST(b->arena, Footprint__File, table->count, b->view->files);
	struct groups uses;
	struct order order;

	if (!list || order_make(b->m, table, order_by_path, b->arena, &order) < 0 ||
		group(b, &b->m->uses, table->count, &uses) < 0)
		return -ENOMEM;
	b->view->n_files = table->count;
	for (uint32_t i = 0; i < table->count; i++) {
		const struct file_entry *entry = table_at(table, order.places[i]);
		uint32_t access;

		footprint__file__init(&list[i]);
		list[i].path = bytes_of(b, entry->path);
		list[i].type = entry->type;
		list[i].target = bytes_of(b, entry->target);
		list[i].present = entry->present;
		list[i].mode = entry->mode;
		list[i].uid = entry->uid;
		list[i].gid = entry->gid;
		if (entry->package)
			list[i].package = b->packages.ranks[entry->package - 1] + 1;
		if (put_uses(b, &uses, order.places[i], &list[i], &access) < 0)
			return -ENOMEM;
		put_content(entry, access, &list[i]);
	}
	return 0;
}

/* Splits the joined names again. A NUL follows each, so pointers into the string suffice. */
static int put_needed(struct building *b, string_number needed, Footprint__Library *ret)
{
	struct interned joined = strings_at(&b->m->strings, needed);
	const char *end = joined.bytes + joined.size;
	size_t n = 0;

	for (const char *name = joined.bytes; name < end; name += strlen(name) + 1)
		n++;
	ret->needed = arena_take(b->arena, n * sizeof(*ret->needed));
	if (!ret->needed)
		return -ENOMEM;
	for (const char *name = joined.bytes; name < end; name += strlen(name) + 1)
		ret->needed[ret->n_needed++] = (char *)name;
	return 0;
}

/* The loaders of one program are adjacent, with observed ones first. */
static bool is_shown(const Footprint__Loader *before, uint32_t by, uint32_t loaded)
{
	return loaded != FOOTPRINT__LOADED__LOADED_UNOBSERVED || !before || before->by != by ||
	       before->loaded == loaded;
}

static int put_loaders(
	struct building *b, const struct groups *groups, uint32_t library, Footprint__Library *ret)
{
	uint32_t first = groups->first[library], n = groups->first[library + 1] - first;
	Footprint__Loader *list = TAKE_LIST(b->arena, Footprint__Loader, n, ret->loaders);

	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		const struct loader_entry *entry =
			table_at(&b->m->loaders, groups->places[first + i]);
		uint32_t by = b->executables.ranks[entry->key.by];
		Footprint__Loader *loader = &list[ret->n_loaders];

		if (!is_shown(ret->n_loaders ? loader - 1 : NULL, by, entry->key.loaded))
			continue;
		footprint__loader__init(loader);
		loader->by = by;
		loader->loaded = entry->key.loaded;
		loader->requester = bytes_of(b, entry->key.requester);
		ret->n_loaders++;
	}
	return 0;
}

static int put_libraries(struct building *b)
{
	const struct table *table = &b->m->libraries;
	Footprint__Library *list =
		TAKE_LIST(b->arena, Footprint__Library, table->count, b->view->libraries);
	struct groups loaders;
	struct order order;

	if (!list || order_make(b->m, table, order_by_path, b->arena, &order) < 0 ||
		group(b, &b->m->loaders, table->count, &loaders) < 0)
		return -ENOMEM;
	b->view->n_libraries = table->count;
	for (uint32_t i = 0; i < table->count; i++) {
		const struct library_entry *entry = table_at(table, order.places[i]);

		footprint__library__init(&list[i]);
		list[i].path = bytes_of(b, entry->path);
		list[i].soname = text_of(b, entry->soname);
		list[i].build_id = text_of(b, entry->build_id);
		if (put_needed(b, entry->needed, &list[i]) < 0 ||
			put_loaders(b, &loaders, order.places[i], &list[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int put_endpoints(struct building *b)
{
	const struct table *table = &b->m->endpoints;
	Footprint__Endpoint *list =
		TAKE_LIST(b->arena, Footprint__Endpoint, table->count, b->view->endpoints);
	struct groups connected;
	struct order order;

	if (!list || order_make(b->m, table, order_of_endpoints, b->arena, &order) < 0 ||
		group(b, &b->m->connected, table->count, &connected) < 0)
		return -ENOMEM;
	b->view->n_endpoints = table->count;
	for (uint32_t i = 0; i < table->count; i++) {
		const struct endpoint_entry *entry = table_at(table, order.places[i]);

		footprint__endpoint__init(&list[i]);
		list[i].operation = entry->key.operation;
		list[i].address = text_of(b, entry->key.address);
		if (put_pairs(b, &b->m->connected, &connected, order.places[i], &list[i].n_by,
			    &list[i].by) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int put_missing(struct building *b)
{
	const struct table *table = &b->m->missing;
	Footprint__Missing *list =
		TAKE_LIST(b->arena, Footprint__Missing, table->count, b->view->missing);
	struct groups looked;
	struct order order;

	if (!list || order_make(b->m, table, order_by_path, b->arena, &order) < 0 ||
		group(b, &b->m->looked, table->count, &looked) < 0)
		return -ENOMEM;
	b->view->n_missing = table->count;
	for (uint32_t i = 0; i < table->count; i++) {
		const struct missing_entry *entry = table_at(table, order.places[i]);

		footprint__missing__init(&list[i]);
		list[i].path = bytes_of(b, entry->path);
		if (put_pairs(b, &b->m->looked, &looked, order.places[i], &list[i].n_by,
			    &list[i].by) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int put_gaps(struct building *b)
{
	const struct table *table = &b->m->gaps;
	Footprint__Gap *list = TAKE_LIST(b->arena, Footprint__Gap, table->count, b->view->gaps);
	struct order order;

	if (!list || order_make(b->m, table, order_of_gaps, b->arena, &order) < 0)
		return -ENOMEM;
	b->view->n_gaps = table->count;
	for (uint32_t i = 0; i < table->count; i++) {
		const struct gap_entry *entry = table_at(table, order.places[i]);

		footprint__gap__init(&list[i]);
		list[i].kind = text_of(b, entry->key.kind);
		list[i].path = bytes_of(b, entry->key.path);
		list[i].detail = text_of(b, entry->key.detail);
		list[i].count = entry->count;
	}
	return 0;
}

static int put_runs(struct building *b)
{
	const struct table *table = &b->m->runs;
	Footprint__Run *list = TAKE_LIST(b->arena, Footprint__Run, table->count, b->view->runs);
	struct order order;

	if (!list || order_make(b->m, table, order_of_runs, b->arena, &order) < 0)
		return -ENOMEM;
	b->view->n_runs = table->count;
	for (uint32_t i = 0; i < table->count; i++) {
		const struct run_entry *entry = table_at(table, order.places[i]);

		footprint__run__init(&list[i]);
		list[i].host = text_of(b, entry->key.host);
		list[i].started_ns = entry->key.started_ns;
		list[i].ended_ns = entry->ended_ns;
		list[i].processes = entry->processes;
		list[i].records = entry->records;
	}
	return 0;
}

static int build(struct manifest *m)
{
	struct building b = { .m = m, .arena = &m->view_arena };

	b.view = arena_take(b.arena, sizeof(*b.view));
	if (!b.view)
		return -ENOMEM;
	footprint__manifest__init(b.view);
	b.view->schema = MANIFEST_SCHEMA;
	b.view->application = m->application;
	b.view->version = m->version;
	/* Executables and packages are ranked first, since the other lists refer to them. */
	if (order_make(m, &m->executables, order_by_path, b.arena, &b.executables) < 0 ||
		put_executables(&b) < 0 || put_packages(&b) < 0 || put_files(&b) < 0 ||
		put_libraries(&b) < 0 || put_endpoints(&b) < 0 || put_missing(&b) < 0 ||
		put_gaps(&b) < 0 || put_runs(&b) < 0)
		return -ENOMEM;
	m->view = b.view;
	return 0;
}

int manifest_view(struct manifest *m, const Footprint__Manifest **ret)
{
	if (!m->view && build(m) < 0) {
		manifest_forget_view(m);
		return -ENOMEM;
	}
	*ret = m->view;
	return 0;
}
