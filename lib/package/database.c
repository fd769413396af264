#include "lib/package/database.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "lib/base/cleanup.h"
#include "lib/base/hash.h"

#define PLACES_MIN    4096u
#define SEVERAL	      0u
#define FULL(n, mask) ((n) >= (mask) - (mask) / 4)

static int make_places(struct package_database *db, uint32_t size)
{
	db->hashes = calloc(size, sizeof(*db->hashes));
	db->owners = calloc(size, sizeof(*db->owners));
	db->mask = size - 1;
	return db->hashes && db->owners ? 0 : -ENOMEM;
}

int package_database_new(struct package_database **ret)
{
	struct package_database *db = calloc(1, sizeof(*db));

	if (!db)
		return -ENOMEM;
	if (getrandom(db->key, sizeof(db->key), 0) != sizeof(db->key) ||
		make_places(db, PLACES_MIN) < 0) {
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
	free(db->packages);
	free(db->hashes);
	free(db->owners);
	free(db);
}
DEFINE_CLEANUP(cleanup_database, struct package_database *, package_database_free)
#define autodatabase __attribute__((cleanup(cleanup_database)))

static uint64_t hash_path(const struct package_database *db, const char *path, size_t size)
{
	uint64_t hash = hash_siphash13(db->key, path, size);

	return hash ? hash : 1;
}

/* Where the hash stands, or the free place where it would. */
static uint32_t find_place(const struct package_database *db, uint64_t hash)
{
	uint32_t at = (uint32_t)hash & db->mask;

	while (db->hashes[at] && db->hashes[at] != hash)
		at = (at + 1) & db->mask;
	return at;
}

static int grow(struct package_database *db)
{
	autofree uint64_t *hashes = db->hashes;
	autofree uint32_t *owners = db->owners;
	uint32_t size = db->mask + 1;

	if (make_places(db, size * 2) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < size; i++) {
		uint32_t at;

		if (!hashes[i])
			continue;
		at = find_place(db, hashes[i]);
		db->hashes[at] = hashes[i];
		db->owners[at] = owners[i];
	}
	return 0;
}

/*
 * A path that several packages own (directories mostly) belongs to none of them; but builds of one
 * package for several architectures share files, and the first of them may have those.
 */
static uint32_t settle_owner(const struct package_database *db, uint32_t before, uint32_t now)
{
	const struct package *a, *b;

	if (before == SEVERAL || before == now)
		return before;
	a = db->packages[before - 1];
	b = db->packages[now - 1];
	return strcmp(a->manager, b->manager) || strcmp(a->name, b->name) ? SEVERAL : before;
}

static int set_owner(struct package_database *db, const char *path, size_t size, uint32_t owner)
{
	uint64_t hash = hash_path(db, path, size);
	uint32_t at = find_place(db, hash);

	if (db->hashes[at]) {
		db->owners[at] = settle_owner(db, db->owners[at], owner);
		return 0;
	}
	if (db->n_paths == PACKAGE_PATHS_MAX)
		return -E2BIG;
	if (FULL(db->n_paths, db->mask)) {
		if (grow(db) < 0)
			return -ENOMEM;
		at = find_place(db, hash);
	}
	db->hashes[at] = hash;
	db->owners[at] = owner;
	db->n_paths++;
	return 0;
}

const struct package *package_database_find(
	const struct package_database *db, const char *canonical)
{
	uint32_t at = find_place(db, hash_path(db, canonical, strlen(canonical)));

	if (!db->hashes[at] || db->owners[at] == SEVERAL)
		return NULL;
	return db->packages[db->owners[at] - 1];
}

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

/* Below a directory that has been resolved: most are just that, directories. Lists name a directory
 * before what is in it. *ret stays NULL where it is something else. 0 or -ENOMEM. */
static int find_below_known(struct package_loader *loader, struct span text, char **ret)
{
	const char *slash = memrchr(text.bytes, '/', text.size);
	size_t parent_size = slash ? (size_t)(slash - text.bytes) : 0;
	uint32_t number = strings_find(&loader->directories, text.bytes, parent_size);
	const char *parent = number < loader->canonical_size ? loader->canonical[number] : NULL;
	autofree char *path = NULL;

	if (!slash || !parent || !parent_size)
		return 0;
	if (asprintf(&path, "%s%.*s", parent, (int)(text.size - parent_size), slash) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (resolver_is_directory(loader->resolver, path))
		*ret = steal_pointer(path);
	return 0;
}

/* Where directory `text` really is; as it stands where that cannot be told. NULL: no memory. */
static char *resolve_directory(struct package_loader *loader, struct span text)
{
	autofree char *raw = malloc(text.size + 2);
	struct resolution where;
	char *path;
	int code;

	if (!raw)
		return NULL;
	raw[0] = '/';
	memcpy(raw + 1, text.bytes, text.size);
	raw[text.size + 1] = '\0';
	code = resolver_resolve(loader->resolver, NULL, raw, true, &where);
	if (code < 0)
		return code == -ENOMEM ? NULL : steal_pointer(raw);
	path = steal_pointer(where.path);
	resolution_deinit(&where);
	if (!strcmp(path, "/"))
		path[0] = '\0';
	return path;
}

static int grow_canonical(struct package_loader *loader, uint32_t number)
{
	size_t size = loader->canonical_size ? loader->canonical_size : 256;
	char **canonical;

	if (number < loader->canonical_size)
		return 0;
	while (size <= number)
		size *= 2;
	canonical = realloc(loader->canonical, size * sizeof(*canonical));
	if (!canonical)
		return -ENOMEM;
	memset(canonical + loader->canonical_size, 0,
		(size - loader->canonical_size) * sizeof(*canonical));
	loader->canonical = canonical;
	loader->canonical_size = size;
	return 0;
}

/* The canonical path of a directory without slashes at its ends; "" for the root. */
static int canonical_directory(struct package_loader *loader, struct span text, const char **ret)
{
	uint32_t number = loader->last_directory;
	struct interned last = strings_at(&loader->directories, number);

	if (last.size != text.size || memcmp(last.bytes, text.bytes, text.size)) {
		if (strings_add(&loader->directories, text.bytes, text.size, &number) < 0)
			return -ENOMEM;
		loader->last_directory = number;
	}
	if (grow_canonical(loader, number) < 0)
		return -ENOMEM;
	if (!loader->canonical[number]) {
		loader->directories_size += text.size;
		if (loader->directories_size > PACKAGE_DIRECTORIES_MAX)
			return -E2BIG;
		if (find_below_known(loader, text, &loader->canonical[number]) < 0)
			return -ENOMEM;
		if (!loader->canonical[number])
			loader->canonical[number] = resolve_directory(loader, text);
	}
	*ret = loader->canonical[number];
	return *ret ? 0 : -ENOMEM;
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
	char path[2 * PACKAGE_PATH_MAX + 2];
	const char *parent;
	size_t size;
	int code;

	directory = trim_slashes(directory);
	if (!name.size || directory.size + name.size > PACKAGE_PATH_MAX)
		return 0; /* nothing that could be opened by this name */
	code = canonical_directory(loader, directory, &parent);
	if (code < 0)
		return code;
	size = strlen(parent);
	if (size + 1 + name.size > sizeof(path))
		return 0;
	memcpy(path, parent, size);
	path[size] = '/';
	memcpy(path + size + 1, name.bytes, name.size);
	return set_owner(loader->db, path, size + 1 + name.size, loader->package);
}

int loader_add_path(struct package_loader *loader, struct span path)
{
	struct span directory, name;
	const char *slash;

	path = trim_slashes(path);
	if (!path.size || (path.size == 1 && path.bytes[0] == '.'))
		return 0; /* the root, which is nobody's */
	slash = memrchr(path.bytes, '/', path.size);
	directory = (struct span){ path.bytes, slash ? (size_t)(slash - path.bytes) : 0 };
	name = slash ? (struct span){ slash + 1, path.size - directory.size - 1 } : path;
	return loader_add_file(loader, directory, name);
}

void package_loader_deinit(struct package_loader *loader)
{
	for (size_t i = 0; i < loader->canonical_size; i++)
		free(loader->canonical[i]);
	free(loader->canonical);
	strings_deinit(&loader->directories);
}
#define autoloader __attribute__((cleanup(package_loader_deinit)))

static int load_all(struct package_loader *loader)
{
	int code = dpkg_load(loader);

	if (code == 0)
		code = apk_load(loader);
	if (code == 0)
		code = rpm_load(loader);
	if (code == -E2BIG)
		return loader_complain(
			loader, code, "package database: more packages or files than we take");
	return code;
}

int package_database_open(struct resolver *r, struct package_database **ret, struct error *err)
{
	struct error own = { 0 };
	autodatabase struct package_database *db = NULL;
	autoloader struct package_loader loader = {
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
		return error_set(err, code, "package database: no memory");
	*ret = steal_pointer(db);
	return 0;
}
