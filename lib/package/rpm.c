/*
 * RPM's database: rpmdb.sqlite, whose table Packages has each package's header. The older formats
 * (Berkeley DB, ndb) are not read, which is reported.
 */
#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/package/rpm_header.h"
#include "lib/package/sqlite_file.h"
#include "lib/root/content.h"

static void close_sqlite(sqlite3 *db)
{
	sqlite3_close(db);
}
DEFINE_CLEANUP(cleanup_sqlite, sqlite3 *, close_sqlite)
#define autosqlite __attribute__((cleanup(cleanup_sqlite)))

static void finalize(sqlite3_stmt *query)
{
	sqlite3_finalize(query);
}
DEFINE_CLEANUP(cleanup_query, sqlite3_stmt *, finalize)
#define autoquery __attribute__((cleanup(cleanup_query)))

static int take_row(struct package_loader *loader, sqlite3_stmt *query, const char *path)
{
	const void *header = sqlite3_column_blob(query, 1);
	size_t size = (size_t)sqlite3_column_bytes(query, 1);
	int code;

	if (!header)
		return sqlite3_errcode(sqlite3_db_handle(query)) == SQLITE_NOMEM ? -ENOMEM : 0;
	if (size > loader->bytes_left)
		return -E2BIG;
	loader->bytes_left -= size;
	code = rpm_header_load(loader, header, size);
	if (code == -EBADMSG)
		return loader_complain(loader, code, "%s: header %lld is damaged", path,
			(long long)sqlite3_column_int64(query, 0));
	return code;
}

static int load_rows(struct package_loader *loader, sqlite3 *db, const char *path)
{
	autoquery sqlite3_stmt *query = NULL;
	int state = sqlite3_prepare_v2(
		db, "SELECT hnum, blob FROM Packages ORDER BY hnum", -1, &query, NULL);

	while (state == SQLITE_OK || state == SQLITE_ROW) {
		int code = 0;

		state = sqlite3_step(query);
		if (state == SQLITE_ROW)
			code = take_row(loader, query, path);
		if (code < 0)
			return code;
	}
	if (state == SQLITE_NOMEM)
		return -ENOMEM;
	if (state != SQLITE_DONE)
		return loader_complain(loader, -EBADMSG, "%s: %s", path, sqlite3_errmsg(db));
	return 0;
}

/* We do not see what sqlite has not yet moved from its log into the database: reports that. */
static int report_log(struct package_loader *loader, const char *path)
{
	autofree char *log = NULL;
	autoclose int fd = -1;
	uint64_t size = 0;

	if (asprintf(&log, "%s-wal", path) < 0) {
		log = NULL;
		return -ENOMEM;
	}
	fd = content_open(loader->resolver, log, &size);
	if (fd == -ENOMEM)
		return fd;
	return fd < 0 || !size ? 0
			       : loader_complain(loader, -EAGAIN,
					 "%s: holds changes that the database lacks", log);
}

/* 1: there is a database. 0: none. -ENOMEM, -E2BIG. */
static int load_sqlite(struct package_loader *loader, const char *path)
{
	autoclose int fd = content_open(loader->resolver, path, NULL);
	autosqlite sqlite3 *db = NULL;
	unsigned steps;
	int code;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	code = fd < 0 ? fd : sqlite_file_open(fd, RPM_HEADER_SIZE_MAX, &steps, &db);
	if (code == -ENOMEM)
		return code;
	if (code < 0)
		loader_complain(loader, code, "%s: %s", path, strerror(-code));
	else
		code = load_rows(loader, db, path);
	if (code == 0)
		code = report_log(loader, path);
	return code == -ENOMEM || code == -E2BIG ? code : 1;
}

/* Reports that a container has rpm's database in a format that we do not read, so that its files
 * have no package. */
static int report_other_formats(struct package_loader *loader)
{
	static const char *const others[] = { "/usr/lib/sysimage/rpm/Packages.db",
		"/var/lib/rpm/Packages.db", "/var/lib/rpm/Packages" };

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		struct resolution where;
		int code = resolver_resolve(loader->resolver, NULL, others[i], true, &where);

		if (code < 0)
			return code == -ENOMEM ? code : 0;
		code = where.error;
		resolution_deinit(&where);
		if (code == 0)
			return loader_complain(loader, -EOPNOTSUPP,
				"%s: only rpm's sqlite database is read", others[i]);
	}
	return 0;
}

int rpm_load(struct package_loader *loader)
{
	static const char *const places[] = { "/usr/lib/sysimage/rpm/rpmdb.sqlite",
		"/var/lib/rpm/rpmdb.sqlite" };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		int code = load_sqlite(loader, places[i]);

		if (code != 0)
			return code < 0 ? code : 0;
	}
	return report_other_formats(loader);
}
