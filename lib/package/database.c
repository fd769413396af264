#include "lib/package/database.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "lib/base/cleanup.h"
#include "lib/base/hash.h"

#define SEVERAL	   0u
#define LISTED_MIN 16384u

int package_database_new(struct package_database **ret)
{
	struct package_database *db = calloc(1, sizeof(*db));

	if (!db)
		return -ENOMEM;
	db->owned = (struct table)TABLE_OF(struct owned, path);
	db->names = calloc(PACKAGE_NAMES, sizeof(*db->names));
	if (!db->names || getrandom(db->key, sizeof(db->key), 0) != sizeof(db->key)) {
		package_database_free(db);
		return -ENOMEM;
	}
	*ret = db;
	return 0;
}

void package_database_free(struct package_database *db)
{
	if (!db)
		return;
	arena_clear(&db->arena);
	package_directories_deinit(&db->directories);
	table_deinit(&db->owned);
	free(db->names);
	free(db->packages);
	free(db->listed);
	free(db);
}
DEFINE_CLEANUP(cleanup_database, struct package_database *, package_database_free)
#define autodatabase __attribute__((cleanup(cleanup_database)))

static uint64_t hash_of(const struct package_database *db, struct span text)
{
	return hash_siphash13(db->key, text.bytes, text.size);
}

/* The chain of the names with this hash. */
static uint32_t *chain_of(const struct package_database *db, uint64_t hash)
{
	return &db->names[hash >> 32 & (PACKAGE_NAMES - 1)];
}

static struct span span_text(const char *text)
{
	return (struct span){ text, strlen(text) };
}

/*
 * A path that several packages own (mostly a directory) belongs to none of them. But builds of one
 * package for several architectures share files; these belong to the first of them.
 */
static uint32_t settle_owner(const struct package_database *db, uint32_t before, uint32_t now)
{
	const struct package *a, *b;

	if (before == SEVERAL || before == now)
		return before;
	a = db->packages[before - 1];
	b = db->packages[now - 1];
	if (strcmp(a->manager, b->manager) || strcmp(a->name, b->name))
		return SEVERAL;
	return before < now ? before : now;
}

static int set_owner(struct package_database *db, struct span path, uint32_t owner)
{
	uint64_t hash = hash_of(db, path);
	bool first = table_find(&db->owned, &hash) == TABLE_NONE;
	struct owned *owned;
	uint32_t place;

	if (table_add(&db->owned, &hash, &place) < 0)
		return -ENOMEM;
	owned = table_at(&db->owned, place);
	owned->owner = first ? owner : settle_owner(db, owned->owner, owner);
	return 0;
}

/* --- finding ---------------------------------------------------------------------------------- */

/* Resolves one name of a list, and enters it where it really is. 0 or -ENOMEM. */
static int resolve_one(struct package_database *db, struct resolver *resolver, struct span name,
	const struct listed *listed)
{
	char path[2 * PACKAGE_PATH_MAX + 2];
	const char *parent =
		package_directory_canonical(&db->directories, resolver, listed->directory);
	int size;

	if (!parent)
		return -ENOMEM;
	size = snprintf(path, sizeof(path), "%s/%.*s", parent, (int)name.size, name.bytes);
	if ((size_t)size >= sizeof(path))
		return 0; /* too long to be opened by this name */
	return set_owner(db, (struct span){ path, (size_t)size }, listed->owner);
}

/* Resolves all paths that wait under this name. 0 or -ENOMEM: the rest continue to wait. */
static int resolve_all(struct package_database *db, struct resolver *resolver, struct span name)
{
	uint64_t hash = hash_of(db, name);

	for (uint32_t i = *chain_of(db, hash); i; i = db->listed[i - 1].next) {
		struct listed *listed = &db->listed[i - 1];

		if (listed->name != (uint32_t)hash || !listed->owner)
			continue;
		if (resolve_one(db, resolver, name, listed) < 0)
			return -ENOMEM;
		listed->owner = 0;
	}
	return 0;
}

int package_database_find(struct package_database *db, struct resolver *resolver,
	const char *canonical, const struct package **ret)
{
	const char *slash = strrchr(canonical, '/');
	uint64_t hash = hash_of(db, span_text(canonical));
	const struct owned *owned;
	uint32_t place;

	*ret = NULL;
	if (resolve_all(db, resolver, span_text(slash ? slash + 1 : canonical)) < 0)
		return -ENOMEM;
	place = table_find(&db->owned, &hash);
	owned = place == TABLE_NONE ? NULL : table_at(&db->owned, place);
	if (owned && owned->owner != SEVERAL)
		*ret = db->packages[owned->owner - 1];
	return 0;
}

/* --- filling ---------------------------------------------------------------------------------- */

static const char *keep(struct package_database *db, struct span text)
{
	char *copy = arena_take_bytes(&db->arena, text.size + 1);

	if (!copy)
		return NULL;
	if (text.size)
		memcpy(copy, text.bytes, text.size);
	copy[text.size] = '\0';
	return copy;
}

static int add_to_list(struct package_database *db, struct package *package)
{
	if (db->n_packages == PACKAGES_MAX)
		return -E2BIG;
	if (db->n_packages == db->packages_size) {
		uint32_t size = db->packages_size ? db->packages_size * 2 : 256;
		struct package **packages = realloc(db->packages, size * sizeof(*packages));

		if (!packages)
			return -ENOMEM;
		db->packages = packages;
		db->packages_size = size;
	}
	db->packages[db->n_packages++] = package;
	return 0;
}

static struct span cut(struct span field)
{
	if (field.size > PACKAGE_FIELD_MAX)
		field.size = PACKAGE_FIELD_MAX;
	return field;
}

int loader_add_package(struct package_loader *loader, const char *manager, struct span name,
	struct span version, struct span architecture)
{
	struct package_database *db = loader->db;
	struct package *package;
	int code;

	db->fields_size += name.size + version.size + architecture.size;
	if (db->fields_size > PACKAGE_FIELDS_MAX)
		return -E2BIG;
	package = arena_take(&db->arena, sizeof(*package));
	if (!package)
		return -ENOMEM;
	package->manager = manager;
	package->name = keep(db, cut(name));
	package->version = keep(db, cut(version));
	package->architecture = keep(db, cut(architecture));
	if (!package->name || !package->version || !package->architecture)
		return -ENOMEM;
	code = add_to_list(db, package);
	loader->package = db->n_packages;
	return code;
}

static int make_room(struct package_database *db)
{
	uint32_t size = db->listed_size ? db->listed_size * 2 : LISTED_MIN;
	struct listed *listed;

	if (db->n_listed < db->listed_size)
		return 0;
	listed = realloc(db->listed, size * sizeof(*listed));
	if (!listed)
		return -ENOMEM;
	db->listed = listed;
	db->listed_size = size;
	return 0;
}

static struct span trim_slashes(struct span text)
{
	for (; text.size && text.bytes[0] == '/'; text.size--)
		text.bytes++;
	while (text.size && text.bytes[text.size - 1] == '/')
		text.size--;
	return text;
}

int loader_add_file(struct package_loader *loader, struct span directory, struct span name)
{
	struct package_database *db = loader->db;
	uint32_t number, *chain;
	uint64_t hash;
	int code;

	directory = trim_slashes(directory);
	if (!name.size || directory.size + name.size > PACKAGE_PATH_MAX)
		return 0; /* too long to be opened by this name */
	if (db->n_listed == PACKAGE_PATHS_MAX)
		return -E2BIG;
	code = package_directory_add(&db->directories, directory, &number);
	if (code < 0)
		return code;
	if (make_room(db) < 0)
		return -ENOMEM;
	hash = hash_of(db, name);
	chain = chain_of(db, hash);
	db->listed[db->n_listed++] = (struct listed){ .next = *chain,
		.name = (uint32_t)hash,
		.directory = number,
		.owner = loader->package };
	*chain = db->n_listed;
	return 0;
}

int loader_add_path(struct package_loader *loader, struct span path)
{
	struct span directory, name;
	const char *slash;

	path = trim_slashes(path);
	if (!path.size || (path.size == 1 && path.bytes[0] == '.'))
		return 0; /* the root belongs to nobody */
	slash = memrchr(path.bytes, '/', path.size);
	directory = (struct span){ path.bytes, slash ? (size_t)(slash - path.bytes) : 0 };
	name = slash ? (struct span){ slash + 1, path.size - directory.size - 1 } : path;
	return loader_add_file(loader, directory, name);
}

static int load_all(struct package_loader *loader)
{
	int code = dpkg_load(loader);

	if (code == 0)
		code = apk_load(loader);
	if (code == 0)
		code = rpm_load(loader);
	if (code == -E2BIG)
		code = loader_complain(
			loader, code, "package database: more packages or files than we take");
	return code < 0 ? code
			: package_directories_begin(&loader->db->directories, loader->resolver);
}

int package_database_open(struct resolver *r, struct package_database **ret, struct error *err)
{
	struct error own = { 0 };
	autodatabase struct package_database *db = NULL;
	struct package_loader loader = {
		.resolver = r,
		.err = err ? err : &own,
		.bytes_left = PACKAGE_DATABASE_SIZE_MAX,
	};
	int code = package_database_new(&db);

	loader.err->code = 0;
	loader.db = db;
	if (code == 0)
		code = load_all(&loader);
	if (code < 0)
		return error_set(err, code, "package database: out of memory");
	*ret = steal_pointer(db);
	return 0;
}
